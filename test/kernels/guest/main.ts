/** Runs in the guest, as root: prints a GuestReport, and on stderr how far it is. */
import { release } from 'node:os';
import type { ListedCollector } from '../../../src/cli/list.ts';
import type { StatusDocument } from '../../../src/web/status.ts';
import type { Finding, GuestReport } from '../report.ts';
import { configure, installUnit, scrape, status } from './agent.ts';
import { eventually, measureSlowness, run, say } from './commands.ts';
import { PROVOCATIONS } from './provocations.ts';
import { comesBack, hasQuota, ledgerCloses, reloads, started, stops } from './service.ts';

const SUCCESS = 'huatuo_bamai_scrape_collector_success';
/** Of a reason only what a table has room for. */
const NOTE_CHARACTERS = 400;

async function main(): Promise<void> {
  say(`slower than native by ${(await measureSlowness()).toFixed(0)}`);
  configure('1us');
  await installUnit();
  const listed = JSON.parse(await run('huatuo', 'list', '--output', 'json')) as ListedCollector[];
  say(
    `${listed.filter(({ state }) => state === 'supported').length} of ${listed.length} collectors supported`,
  );
  const service: Record<string, Finding> = {};
  const take = async (name: string, step: () => Promise<Finding>): Promise<void> => {
    service[name] = await step();
    say(`${name}: ${service[name].result} (${service[name].note})`);
  };
  await take('start', started);
  await take('CPU quota', hasQuota);
  const collectors: Record<string, Finding> = {};
  const samples = await everyAnswer();
  const now = await status();
  for (const collector of listed) collectors[collector.name] = await look(collector, now, samples);
  await take('reload', reloads);
  await take('ledger', ledgerCloses);
  await take('SIGKILL', comesBack);
  await take('stop', stops);
  const [, systemd = ''] = /^systemd (\S+)/.exec(await run('systemctl', '--version')) ?? [];
  const report: GuestReport = { kernel: release(), systemd, collectors, service };
  process.stdout.write(JSON.stringify(report));
}

/** A page on which every collector of files has answered; the last one where that takes too long. */
async function everyAnswer(): Promise<ReadonlyMap<string, number>> {
  let samples: ReadonlyMap<string, number> = new Map();
  await eventually(20, async () => {
    samples = await scrape().catch(() => samples);
    const answers = [...samples].filter(([series]) => series.startsWith(SUCCESS));
    return answers.length > 0 && answers.every(([, value]) => value === 1) ? true : undefined;
  });
  return samples;
}

async function look(
  { name, state, reason, programs }: ListedCollector,
  now: StatusDocument | undefined,
  samples: ReadonlyMap<string, number>,
): Promise<Finding> {
  const finding = await found();
  if (finding.result !== 'runs') say(`${name}: ${finding.result} (${finding.note})`);
  return finding;

  async function found(): Promise<Finding> {
    const actor = now?.actors.find((one) => one.name === name);
    const works = actor
      ? ['running', 'sampling', 'waiting'].includes(actor.state)
      : samples.get(`${SUCCESS}{collector="${name}"}`) === 1;
    if (state !== 'supported') {
      const why = short(reason?.message ?? state);
      return works ? wrong(`runs, and \`huatuo list\` says: ${why}`) : { result: 'unsupported', note: why };
    }
    if (!works) {
      const why =
        (actor?.reason ?? actor?.last_error)?.message ??
        now?.pooled?.find((one) => one.name === name)?.error?.message;
      if (actor?.state === 'unsupported') return { result: 'unsupported', note: short(why ?? '') };
      return wrong(`${actor?.state ?? 'no answer to a scrape'}${why ? `: ${short(why)}` : ''}`);
    }
    const provoke = PROVOCATIONS[name];
    if (provoke) return provoke().catch((error: Error) => wrong(short(error.message)));
    const missing = programs.filter(
      (program) => program.state === 'missing' && program.purpose === undefined,
    );
    if (missing.length === 0) return { result: 'runs' };
    return { result: 'runs', note: `without ${missing.map(({ section }) => section).join(', ')}` };
  }
}

function wrong(note: string): Finding {
  return { result: 'wrong', note };
}

function short(text: string): string {
  const line = text.replaceAll(/\s+/g, ' ').replaceAll('|', '\\|');
  return line.length > NOTE_CHARACTERS ? `${line.slice(0, NOTE_CHARACTERS)} …` : line;
}

await main();
