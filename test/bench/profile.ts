/** What a profile of the whole host costs the work on it, while it runs: with and without, in turns. */
import { join } from 'node:path';
import { ProfileOwner } from '../../src/kernel/profile-owner.ts';
import type { ProfileKind } from '../../src/sdk/profile.ts';
import { median, type Row } from './report.ts';
import { compileWorkloads, Workload } from './workload.ts';
import { type BenchOptions, Workspace } from './workspace.ts';

const ROUNDS = 12;
const TURN_MS = 200;
const TURNS = 5;
/** Of CPU time, of a profile 99 times a second. */
const SPIN_GOAL = 1.02;

const COMPARED = [
  { kind: 'on_cpu', work: 'spin', title: 'CPU time at 99 Hz, arithmetic', goal: SPIN_GOAL },
  {
    kind: 'on_cpu',
    work: 'switch',
    title: 'CPU time at 99 Hz, two processes that wake each other',
    goal: undefined,
  },
  { kind: 'off_cpu', work: 'switch', title: 'waits, two processes that wake each other', goal: undefined },
  { kind: 'off_cpu', work: 'spin', title: 'waits, arithmetic', goal: undefined },
  {
    kind: 'allocations',
    work: 'touch',
    title: 'page faults, pages touched for the first time',
    goal: undefined,
  },
] as const satisfies readonly {
  readonly kind: ProfileKind;
  readonly work: string;
  readonly title: string;
  readonly goal: number | undefined;
}[];

export async function benchProfile({ directory, progress }: BenchOptions): Promise<Row[]> {
  using workspace = new Workspace(directory);
  const binary = join(workspace.path, 'workload');
  const reason = compileWorkloads(binary);
  if (reason !== undefined) return [{ name: 'profiles', measured: reason, verdict: 'skipped' }];
  const rows: Row[] = [];
  for (const { kind, work: name, title, goal } of COMPARED) {
    await using work = new Workload(binary, [name]);
    const ratios = await compare(work, kind);
    const each = median(ratios);
    const spread = `${Math.min(...ratios).toFixed(3)} – ${Math.max(...ratios).toFixed(3)}`;
    rows.push({
      name: `profile of ${title}: with / without`,
      measured: `${each.toFixed(3)} × (${spread})`,
      ...(goal === undefined
        ? { verdict: 'info' }
        : { goal: `≤ ${goal} ×`, ratio: goal / each, verdict: each <= goal ? 'met' : 'missed' }),
    });
    progress(`profile: ${title}`);
  }
  return rows;
}

/** @returns time with the profile over time without, of each round */
async function compare(work: Workload, kind: ProfileKind): Promise<number[]> {
  const count = await work.calibrate(TURN_MS);
  const plain = async (): Promise<number> => {
    const turns: number[] = [];
    for (let turn = 0; turn < TURNS; turn++) turns.push(await work.do(count));
    return median(turns);
  };
  const ratios: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const before = await plain();
    const meanwhile = await profiled(kind, plain);
    const after = await plain();
    ratios.push((2 * meanwhile) / (before + after));
  }
  return ratios;
}

async function profiled<T>(kind: ProfileKind, work: () => Promise<T>): Promise<T> {
  const owner = new ProfileOwner({ procfs: '/proc', sysfs: '/sys' });
  try {
    await owner.calls.profileStart({ kind, subject: { type: 'host' }, hz: 99, faultsPerSample: 7 });
    return await work();
  } finally {
    await owner.release();
  }
}
