/** What pre_capture costs: the work on the host, all the time, and the agent itself. */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { RollingProfile } from '../../src/kernel/rolling-profile.ts';
import { compare, comparisonRow } from './compare.ts';
import type { Row } from './report.ts';
import { compileWorkloads, Workload } from './workload.ts';
import { type BenchOptions, Workspace } from './workspace.ts';

const PATHS = { procfs: '/proc', sysfs: '/sys' };
/** Longer than a window. */
const OWN_SECONDS = 20;
/** Of a core. */
const OWN_GOAL = 0.01;
const SPIN_GOAL = 1.02;

export async function benchPrecapture({ directory, progress }: BenchOptions): Promise<Row[]> {
  using workspace = new Workspace(directory);
  const binary = join(workspace.path, 'workload');
  const reason = compileWorkloads(binary);
  if (reason !== undefined) return [{ name: 'pre_capture', measured: reason, verdict: 'skipped' }];
  const rows: Row[] = [];
  for (const [name, title, goal] of [
    ['spin', 'arithmetic', SPIN_GOAL],
    ['switch', 'two processes that wake each other', undefined],
  ] as const) {
    await using work = new Workload(binary, [name]);
    rows.push(comparisonRow(`pre_capture, ${title}`, await compare(work, rolled), goal));
    progress(`pre_capture: ${title}`);
  }
  rows.push(await ownCost());
  return rows;
}

/** What pre_capture takes of the agent, beside the samples: looks for new processes, and two windows that take turns. */
async function ownCost(): Promise<Row> {
  const used = async (): Promise<number> => {
    const before = process.cpuUsage();
    await sleep(OWN_SECONDS * 1000);
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1e6 / OWN_SECONDS;
  };
  const without = await used();
  await using _ = await rolling();
  const share = Math.max(0, (await used()) - without);
  return {
    name: "pre_capture, the agent's own CPU time, beside the samples",
    measured: `${(100 * share).toFixed(2)} % of a core`,
    goal: `≤ ${100 * OWN_GOAL} %`,
    ratio: OWN_GOAL / Math.max(share, 1e-6),
    verdict: share <= OWN_GOAL ? 'met' : 'missed',
  };
}

async function rolled(work: () => Promise<number>): Promise<number> {
  await using _ = await rolling();
  return await work();
}

async function rolling(): Promise<AsyncDisposable> {
  const profile = await RollingProfile.start(PATHS, (error) => {
    throw error;
  });
  return { [Symbol.asyncDispose]: () => profile.stop() };
}
