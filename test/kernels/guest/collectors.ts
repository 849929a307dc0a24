/** Part `collectors`: every collector that `huatuo list` knows, so later ones join by existing; what it finds is told as it comes. */
import type { ListedCollector } from '../../../src/cli/list.ts';
import type { StatusDocument } from '../../../src/web/status.ts';
import type { Hierarchy } from '../boots.ts';
import type { Finding } from '../report.ts';
import { configure, installUnit, type Page, status } from './agent.ts';
import { BURSTS } from './bursts.ts';
import { ok, run, say, short, wrong } from './commands.ts';
import { makeDevices } from './devices.ts';
import { ContainerGroup } from './hierarchy.ts';
import { hostValues } from './host-values.ts';
import { lackOf } from './lacks.ts';
import { PROVOCATIONS } from './provocations.ts';
import { hasQuota, ledgerCloses, memoryPeak, reloads, started, stops } from './service.ts';
import { compareValues, hasAnswered } from './values.ts';
import { containerValues, endUnit, startUnit, unitValues } from './workload-values.ts';

type Tell = (table: 'service' | 'collectors', name: string, finding: Finding) => void;

const LIMIT_BYTES = 24 << 20;
const CORES = 0.3;
/** Fills the page cache of its cgroup, and so comes to its limits. */
const BUSY = 'while :; do dd if=/dev/zero of=/var/tmp/busy bs=256k count=160 conv=fsync 2>/dev/null; done';

export async function collectors(hierarchy: Hierarchy, tell: Tell): Promise<void> {
  configure({ thresholds: 'low' });
  await installUnit();
  const listed = JSON.parse(await run('huatuo', 'list', '--output', 'json')) as ListedCollector[];
  const supported = listed.filter(({ state }) => state === 'supported').length;
  tell(
    'service',
    'list',
    ok(`${supported} of ${listed.length} collectors pass the verifier, or need no program`),
  );
  tell('service', 'start', await started());
  tell('service', 'CPU quota', await hasQuota(hierarchy));
  const work = new ContainerGroup(hierarchy, { memory_bytes: LIMIT_BYTES, cores: CORES });
  work.spawn(BUSY);
  await startUnit();
  await makeDevices();
  await run('sh', '-c', 'echo 1 > /proc/sys/vm/compact_memory');
  say('provokes');
  const provoked = new Map(
    await Promise.all(
      Object.entries(PROVOCATIONS).map(async ([name, provoke]) => {
        const finding = await provoke(hierarchy, work).catch((error: Error) => wrong(error.message));
        if (finding) say(`${name}: ${finding.result} (${finding.note})`);
        return [name, finding] as const;
      }),
    ),
  );
  const ofUnit = unitValues(hierarchy);
  const compared = await compareValues([
    ...hostValues(),
    ...containerValues(work, LIMIT_BYTES, hierarchy),
    ...ofUnit,
  ]);
  tell('service', 'series of a unit', compared.of(ofUnit));
  await work.remove();
  await endUnit();
  const now = await status();
  // The others have a part of their own.
  for (const collector of listed.filter(({ name }) => !Object.hasOwn(BURSTS, name))) {
    const evidence = [provoked.get(collector.name), compared.findings.get(collector.name)];
    tell('collectors', collector.name, look(collector, now, compared.page, evidence));
  }
  tell('service', 'reload', await reloads());
  tell('service', 'ledger', await ledgerCloses());
  tell('service', 'memory', await memoryPeak());
  tell('service', 'stop', await stops(hierarchy));
}

/** What its documents, values, state and description come to. */
function look(
  { name, state, reason, programs }: ListedCollector,
  now: StatusDocument | undefined,
  page: Page,
  evidence: readonly (Finding | undefined)[],
): Finding {
  const actor = now?.actors.find((one) => one.name === name);
  const works = actor
    ? ['running', 'sampling', 'capturing', 'waiting'].includes(actor.state)
    : hasAnswered(page, name);
  if (state !== 'supported') {
    const why = short(reason?.message ?? state);
    return works ? wrong(`runs, and \`huatuo list\` says: ${why}`) : { result: 'unsupported', note: why };
  }
  if (!works) {
    const why =
      (actor?.reason ?? actor?.last_error)?.message ??
      now?.pooled?.find((one) => one.name === name)?.error?.message;
    return wrong(`${actor?.state ?? 'no answer to a scrape'}${why ? `: ${why}` : ''}`);
  }
  const known = evidence.filter((finding) => finding !== undefined);
  const notes = (of: readonly Finding[]): string => of.map(({ note }) => note).join('; ');
  const wrongs = known.filter(({ result }) => result === 'wrong');
  if (wrongs.length > 0) return wrong(notes(wrongs));
  const missing = programs.flatMap((program) =>
    program.state === 'missing' && program.purpose === undefined ? [program.section] : [],
  );
  const variants = programs.flatMap((program) =>
    program.state === 'runs' && program.purpose !== undefined && hasBetter(program, programs)
      ? [program.program]
      : [],
  );
  const lack = known.length > 0 ? undefined : lackOf(name);
  const parts = [
    ...(lack === undefined ? [] : [lack]),
    ...(known.length > 0 ? [notes(known)] : []),
    ...(missing.length > 0 ? [`without ${missing.join(', ')}`] : []),
    ...(variants.length > 0 ? [`variant ${variants.join(', ')}`] : []),
  ];
  return {
    result: known.length > 0 ? 'ok' : 'runs',
    ...(parts.length > 0 && { note: parts.join('; ') }),
  };
}

/** Whether a variant that stands before it is one that this kernel refuses. */
function hasBetter(
  program: ListedCollector['programs'][number],
  programs: ListedCollector['programs'],
): boolean {
  return programs.some(({ purpose, state }) => purpose === program.purpose && state === 'missing');
}
