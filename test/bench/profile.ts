/** What a profile costs the work on the host, while it runs: with and without, in turns. */
import { join } from 'node:path';
import { ProfileOwner } from '../../src/kernel/profile-owner.ts';
import type { ProfileRequest, ProfileSubject } from '../../src/profile/protocol.ts';
import type { ProfileKind } from '../../src/sdk/profile.ts';
import { median, type Row } from './report.ts';
import { compileWorkloads, Workload } from './workload.ts';
import { type BenchOptions, Workspace } from './workspace.ts';

const ROUNDS = 8;
/** Five samples. */
const TURN_MS = 50;
/** The least of them counts: what else the machine does only adds. */
const TURNS = 15;
/** Of CPU time, of a profile 99 times a second. */
const SPIN_GOAL = 1.02;

interface Comparison {
  readonly kind: ProfileKind;
  /** Of another process, which waits: what the filter costs. Else of the host. */
  readonly ofOther?: true;
  readonly work: string;
  readonly title: string;
  readonly goal?: number;
}

const COMPARED: readonly Comparison[] = [
  { kind: 'on_cpu', work: 'spin', title: 'CPU time of the host at 99 Hz, arithmetic', goal: SPIN_GOAL },
  {
    kind: 'on_cpu',
    work: 'switch',
    title: 'CPU time of the host at 99 Hz, two processes that wake each other',
  },
  { kind: 'off_cpu', work: 'spin', title: 'waits of the host, arithmetic' },
  { kind: 'off_cpu', work: 'switch', title: 'waits of the host, two processes that wake each other' },
  { kind: 'off_cpu', ofOther: true, work: 'switch', title: 'waits of another process, the same' },
  { kind: 'allocations', work: 'touch', title: 'page faults of the host, pages touched for the first time' },
];

export async function benchProfile({ directory, progress }: BenchOptions): Promise<Row[]> {
  using workspace = new Workspace(directory);
  const binary = join(workspace.path, 'workload');
  const reason = compileWorkloads(binary);
  if (reason !== undefined) return [{ name: 'profiles', measured: reason, verdict: 'skipped' }];
  const rows: Row[] = [];
  for (const { kind, ofOther, work: name, title, goal } of COMPARED) {
    await using work = new Workload(binary, [name]);
    const subject: ProfileSubject = ofOther ? { type: 'processes', pids: [process.pid] } : { type: 'host' };
    const ratios = await compare(work, { kind, subject, hz: 99, faultsPerSample: 7 });
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
async function compare(work: Workload, request: ProfileRequest): Promise<number[]> {
  const count = await work.calibrate(TURN_MS);
  const plain = async (): Promise<number> => {
    let least_ns = Number.POSITIVE_INFINITY;
    for (let turn = 0; turn < TURNS; turn++) least_ns = Math.min(least_ns, await work.do(count));
    return least_ns;
  };
  const ratios: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const before = await plain();
    const meanwhile = await profiled(request, plain);
    const after = await plain();
    ratios.push((2 * meanwhile) / (before + after));
  }
  return ratios;
}

async function profiled<T>(request: ProfileRequest, work: () => Promise<T>): Promise<T> {
  const owner = new ProfileOwner({ procfs: '/proc', sysfs: '/sys' });
  try {
    await owner.calls.profileStart(request);
    return await work();
  } finally {
    await owner.release();
  }
}
