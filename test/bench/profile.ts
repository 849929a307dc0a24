/**
 * What a profile costs the work on the host, while it runs, and what the probes of the scheduler and of disks do, which are always
 * there: with and without, in turns.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { KernelOwner } from '../../src/kernel/object-owner.ts';
import { ProfileOwner } from '../../src/kernel/profile-owner.ts';
import { at } from '../../src/paths.ts';
import type { ProfileRequest, ProfileSubject } from '../../src/profile/protocol.ts';
import type { ObjectManifest } from '../../src/schema/manifest.ts';
import type { ProfileKind } from '../../src/sdk/profile.ts';
import { LoopDevice } from '../support/disks.ts';
import { compare, comparisonRow } from './compare.ts';
import type { Row } from './report.ts';
import { compileWorkloads, Workload } from './workload.ts';
import { type BenchOptions, Workspace } from './workspace.ts';

/** Of CPU time, of a profile 99 times a second. */
const SPIN_GOAL = 1.02;

const DISK_BYTES = 64 << 20;
const PATHS = { procfs: '/proc', sysfs: '/sys' };

/** A profile of the host, or of another process, which waits: what the filter costs. Else the programs of a collector. */
type Measured =
  | { readonly kind: ProfileKind; readonly ofOther?: true }
  | { readonly collector: 'runqlat' | 'iolatency' };

type Comparison = Measured & {
  readonly work: string;
  readonly title: string;
  readonly goal?: number;
};

const COMPARED: readonly Comparison[] = [
  {
    kind: 'on_cpu',
    work: 'spin',
    title: 'profile of CPU time of the host at 99 Hz, arithmetic',
    goal: SPIN_GOAL,
  },
  {
    kind: 'on_cpu',
    work: 'switch',
    title: 'profile of CPU time of the host at 99 Hz, two processes that wake each other',
  },
  { kind: 'off_cpu', work: 'spin', title: 'profile of waits of the host, arithmetic' },
  {
    kind: 'off_cpu',
    work: 'switch',
    title: 'profile of waits of the host, two processes that wake each other',
  },
  { kind: 'off_cpu', ofOther: true, work: 'switch', title: 'profile of waits of another process, the same' },
  {
    kind: 'allocations',
    work: 'touch',
    title: 'profile of page faults of the host, pages touched for the first time',
  },
  {
    collector: 'runqlat',
    work: 'switch',
    title: 'probes of the scheduler, two processes that wake each other',
  },
  { collector: 'iolatency', work: 'disk', title: 'probes of disks, blocks of a loop device' },
];

export async function benchProfile({ directory, progress }: BenchOptions): Promise<Row[]> {
  using workspace = new Workspace(directory);
  const binary = join(workspace.path, 'workload');
  const reason = compileWorkloads(binary);
  if (reason !== undefined) return [{ name: 'profiles', measured: reason, verdict: 'skipped' }];
  using disk = new LoopDevice(DISK_BYTES);
  const rows: Row[] = [];
  for (const comparison of COMPARED) {
    const { work: name, title, goal } = comparison;
    await using work = new Workload(binary, [name, disk.path]);
    const ratios = await compare(work, (plain) =>
      'kind' in comparison ? profiled(comparison, plain) : probed(comparison, plain),
    );
    const row = comparisonRow(title, ratios, goal);
    rows.push(row);
    progress(`${title}: ${row.measured}`);
  }
  return rows;
}

async function profiled<T>(
  { kind, ofOther }: Extract<Measured, { readonly kind: unknown }>,
  work: () => Promise<T>,
): Promise<T> {
  const subject: ProfileSubject = ofOther ? { type: 'processes', pids: [process.pid] } : { type: 'host' };
  const request: ProfileRequest = { kind, subject, hz: 99, faultsPerSample: 7 };
  const owner = new ProfileOwner(PATHS);
  try {
    await owner.calls.profileStart(request);
    return await work();
  } finally {
    await owner.release();
  }
}

async function probed<T>(
  { collector }: Extract<Measured, { readonly collector: unknown }>,
  work: () => Promise<T>,
): Promise<T> {
  const manifest = JSON.parse(readFileSync(at(`dist/bpf/${collector}.json`), 'utf8')) as ObjectManifest;
  const objectPath = at(`dist/bpf/${collector}.bpf.o`);
  const owner = new KernelOwner({ manifest, objectPath, options: {}, paths: PATHS });
  try {
    await owner.calls.load();
    await owner.calls.attach();
    return await work();
  } finally {
    await owner.release();
  }
}
