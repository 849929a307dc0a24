/** `npm run chaos`: an agent on this host, everything that can go wrong, and whether each event can be accounted for. */
import console from 'node:console';
import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import { skipWithoutBpf } from '../support/kernel.ts';
import { reportJson, reportText } from './report.ts';
import { runChaos } from './run.ts';
import { schedule } from './schedule.ts';

const USAGE = `Usage: npm run chaos -- [--minutes N] [--seed N] [--json]

Breaks an agent under load in every way there is, by a schedule made from a seed, and compares what the kernel counted
with what is on disk. Root is needed. Exit code 1: an event is lost and nothing explains it, or a fault was not recovered
from.

  --minutes N   how long faults are injected, each at least once (default 5)
  --seed N      repeats a schedule, 0 to 4294967295 (default: by chance)
  --json        print the report as JSON
`;

const MAX_PAUSE_MS = 1500;
/** No round of four lives takes less. */
const MINUTES_PER_ROUND = 2;

/** A second one ends the process where it stands. */
const interrupted = new AbortController();
process.once('SIGINT', () => interrupted.abort());

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      minutes: { type: 'string', default: '5' },
      seed: { type: 'string', default: String(randomInt(2 ** 32)) },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const [minutes, seed] = [Number(values.minutes), Number(values.seed)];
  if (values.help || !(minutes > 0) || !Number.isInteger(seed) || seed < 0 || seed >= 2 ** 32) {
    console.error(USAGE);
    return values.help ? 0 : 2;
  }
  const lacking = skipWithoutBpf();
  if (lacking) {
    console.error(lacking);
    return 2;
  }
  console.error(`chaos: seed ${seed}, ${minutes} min`);
  const report = await runChaos({
    lives: schedule(seed, {
      rounds: Math.ceil(minutes / MINUTES_PER_ROUND),
      once_in: 'life',
      max_pause_ms: MAX_PAUSE_MS,
    }),
    length_ms: minutes * 60_000,
    progress: (line) => console.error(line),
    signal: interrupted.signal,
  });
  console.log(values.json ? reportJson(seed, report) : `\n${reportText(seed, report)}`);
  return report.problems.length === 0 ? 0 : 1;
}

process.exitCode = await main();
