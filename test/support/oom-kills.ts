/** OOM kills that a test makes, and the kernel's own counts of them. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseFlatKeyed } from '../../src/procfs/memory-cgroup.ts';
import { Allocator } from './allocator.ts';
import type { TestCgroup } from './cgroup.ts';

export const MIB: number = 1 << 20;
/** Enough for one process that has not begun to take memory. */
export const LIMIT_BYTES: number = 96 * MIB;

/** A process that wants more than the cgroup has, and is killed for it. @returns its pid */
export async function killIn(cgroup: TestCgroup, comm = 'victim'): Promise<number> {
  await using process = new Allocator();
  cgroup.add(process.pid);
  await process.ask({ comm: Buffer.from(comm).toString('hex'), oomScoreAdj: 1000, bytes: 2 * LIMIT_BYTES });
  await process.ended;
  return process.pid;
}

/** `oom_kill` of the cgroup alone: memory.oom_control (v1), memory.events.local (v2). */
export function kernelKills({ path, version }: TestCgroup): number {
  const file = version === 1 ? 'memory.oom_control' : 'memory.events.local';
  return parseFlatKeyed(readFileSync(join(path, file), 'utf8')).oom_kill ?? Number.NaN;
}

/** `oom_kill` of the host. */
export function hostKills(): number {
  return parseFlatKeyed(readFileSync('/proc/vmstat', 'utf8')).oom_kill ?? Number.NaN;
}
