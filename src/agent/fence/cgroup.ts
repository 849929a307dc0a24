/**
 * A CPU quota for single threads: one cgroup for each fenced collector, below the agent's own.
 *
 *   v1   <cpu hierarchy>/<agent's own>/huatuo-<pid>/<collector>/{cpu.cfs_quota_us, tasks}
 *   v2   <agent's own, with +cpu>/huatuo-<pid>/<collector>/{cpu.max, cgroup.threads}      both levels threaded;
 *        under systemd the agent's own is one level further down, see own-group.ts
 *
 * Where it cannot be had (quota-parent.ts), the measured budget (budget.ts) is the only fence, and the reason is reported.
 *
 * A killed agent leaves its directories; the next one that starts in the same parent removes them. rmdir(2) refuses
 * a cgroup with threads in it, so no check can be outrun.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { HuatuoError } from '../../error.ts';
import { ownThreadRoot } from './own-group.ts';
import type { QuotaParent } from './quota-parent.ts';

/** Length of one accounting period; what is left of it when the quota is used up is how long a thread stands still. */
const PERIOD_US = 100_000;
/** The kernel takes no quota below a millisecond: tiny shares get a longer period. */
const LONG_PERIOD_US = 1_000_000;
const MIN_QUOTA_US = 1000;
const OURS = /^huatuo-(\d+)$/;

export class CpuCgroups implements Disposable {
  readonly parent: QuotaParent;
  /** Below which its group is; of v2, known once the first one is made. */
  #root: string;
  #group: string;
  readonly #pid: number;
  readonly #procfs: string;

  /**
   * Makes nothing yet; directories that dead agents left in the parent are removed.
   * @param procfs mount point of procfs
   * @param pid of this agent: the name of its group
   */
  constructor(parent: QuotaParent, procfs: string, pid: number = process.pid) {
    this.parent = parent;
    this.#procfs = procfs;
    this.#pid = pid;
    this.#root = parent.kind === 'none' ? '' : parent.path;
    this.#group = parent.kind === 'none' ? '' : join(parent.path, `huatuo-${pid}`);
    if (parent.kind !== 'none') this.#removeStale(parent.path);
  }

  /**
   * Puts a thread under a quota. Called again for each new thread of the collector.
   * @param collector name of the group
   * @param quota_cores CPUs' worth of time
   * @param tid as in /proc/<pid>/task
   * @returns path of its cgroup
   * @throws SYSCALL_FAILED with the reason: there is no parent, the kernel refused a value, the thread is gone
   */
  limit(collector: string, quota_cores: number, tid: number): string {
    if (this.parent.kind === 'none') throw noQuota(this.parent.reason);
    try {
      if (this.parent.kind === 'v2') this.#root = ownThreadRoot(this.#root);
      this.#group = join(this.#root, `huatuo-${this.#pid}`);
      const path = join(this.#group, collector);
      if (this.parent.kind === 'v1') limitV1(path, quota_cores, tid);
      else limitV2(this.#root, this.#group, path, quota_cores, tid);
      return path;
    } catch (cause) {
      throw noQuota(cause instanceof Error ? cause.message : String(cause), cause);
    }
  }

  /** Removes the collector's group; threads still in it go back to where the agent is. */
  remove(collector: string): void {
    if (this.parent.kind !== 'none') removeGroup(join(this.#group, collector), this.#root);
  }

  /** Removes every group of this agent. */
  [Symbol.dispose](): void {
    if (this.parent.kind === 'none') return;
    for (const name of subgroups(this.#group)) this.remove(name);
    removeGroup(this.#group, this.#root);
  }

  /** Another agent's groups are left alone for as long as a process of that id calls itself huatuo. */
  #removeStale(parent: string): void {
    for (const name of subgroups(parent)) {
      const pid = OURS.exec(name)?.[1];
      if (pid === undefined || isAgent(this.#procfs, pid)) continue;
      const group = join(parent, name);
      for (const child of subgroups(group)) tryRemove(join(group, child));
      tryRemove(group);
    }
  }
}

function limitV1(path: string, quota_cores: number, tid: number): void {
  const { quota_us, period_us } = bandwidth(quota_cores);
  mkdirSync(path, { recursive: true, mode: 0o755 });
  // The old quota must fit the new period and the other way round; without quota any period does.
  write(path, 'cpu.cfs_quota_us', -1);
  write(path, 'cpu.cfs_period_us', period_us);
  write(path, 'cpu.cfs_quota_us', quota_us);
  write(path, 'tasks', tid);
}

/** A threaded group must be threaded before it or its parent holds threads; its parent passes the controller on. */
function limitV2(own: string, group: string, path: string, quota_cores: number, tid: number): void {
  const { quota_us, period_us } = bandwidth(quota_cores);
  for (const [parent, child] of [
    [own, group],
    [group, path],
  ] as const) {
    if (!existsSync(child)) mkdirSync(child, { mode: 0o755 });
    // It may have been made by an attempt that was refused here.
    if (readFileSync(join(child, 'cgroup.type'), 'utf8').trim() !== 'threaded')
      write(child, 'cgroup.type', 'threaded');
    write(parent, 'cgroup.subtree_control', '+cpu');
  }
  write(path, 'cpu.max', `${quota_us} ${period_us}`);
  write(path, 'cgroup.threads', tid);
}

function bandwidth(quota_cores: number): { quota_us: number; period_us: number } {
  const period_us = quota_cores * PERIOD_US < MIN_QUOTA_US ? LONG_PERIOD_US : PERIOD_US;
  return { quota_us: Math.max(MIN_QUOTA_US, Math.round(quota_cores * period_us)), period_us };
}

/** One write(2) to an existing file: the kernel answers to it, and never makes one. */
function write(group: string, file: string, value: string | number): void {
  writeFileSync(join(group, file), `${value}`, { flag: 'r+' });
}

/** Threads that a fenced thread has made are in its group, too. */
function removeGroup(path: string, refuge: string): void {
  const file = existsSync(join(path, 'tasks')) ? 'tasks' : 'cgroup.threads';
  try {
    for (const tid of readFileSync(join(path, file), 'utf8').split('\n').filter(Boolean)) {
      write(refuge, file, tid);
    }
  } catch {
    // Gone meanwhile, or never made; a group that still holds a thread is found by the next start.
  }
  tryRemove(path);
}

function tryRemove(path: string): void {
  try {
    rmdirSync(path);
  } catch {
    // Still in use, or gone.
  }
}

function subgroups(path: string): string[] {
  if (!existsSync(path)) return [];
  const entries = readdirSync(path, { withFileTypes: true });
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
}

/** The supervisor names its thread after the agent, see nameThread(). */
function isAgent(procfs: string, pid: string): boolean {
  try {
    return readFileSync(join(procfs, pid, 'comm'), 'utf8').trim() === 'huatuo';
  } catch {
    return false;
  }
}

function noQuota(found: string, cause?: unknown): HuatuoError {
  return new HuatuoError('SYSCALL_FAILED', {
    expected: 'a cgroup with a CPU quota',
    found,
    remedy: 'the measured budget throttles the collector instead',
    cause,
  });
}
