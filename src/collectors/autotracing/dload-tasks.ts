/** Whose the tasks are, and how many of them are at what, for dload. */
import { join } from 'node:path';
import { idsBelow } from '../../procfs/cgroup-ids.ts';
import { readIfThere } from '../../procfs/source.ts';
import { readThreads, type Thread } from '../../procfs/threads.ts';
import { type Container, perWorkload, type SampleContext, type Subject, type Unit } from '../../sdk/index.ts';

/** A tenth of a second of one CPU. */
const MAX_THREADS = 8192;

export interface TaskCounts {
  readonly nr_running: number;
  readonly nr_sleeping: number;
  readonly nr_stopped: number;
  readonly nr_uninterruptible: number;
}

interface Tasks {
  /** The host, each running container, and each unit that has series. */
  readonly bySubject: readonly (readonly [Subject, readonly Thread[]])[];
  /** The container or unit that a thread is in. */
  ownerOf(tid: number): Container | Unit | undefined;
}

type Context = Pick<SampleContext<unknown>, 'containers' | 'log' | 'paths'>;

/**
 * The host's are all but those of containers and units that are paused, or that have many waiting tasks by themselves; a unit's
 * are all but those of containers below it.
 * @param many so many are a matter of the container or unit alone
 * @throws SOURCE_UNREADABLE
 */
export function readTasks(ctx: Context, many: number): Tasks {
  const taken = new Set<number>();
  const workloads = perWorkload(ctx, ({ cgroups }) => {
    const cgroup = cgroups.cpu ?? cgroups.unified ?? cgroups.memory;
    if (cgroup === undefined) return undefined;
    const own = Array.from(idsBelow(cgroup, ['tasks', 'cgroup.threads']), Number);
    const tids = new Set(own.filter((tid) => !taken.has(tid)));
    for (const tid of tids) taken.add(tid);
    return { tids, isPaused: isPaused(cgroups.freezer) };
  });
  // A host may have so many of its own that there would be no look at those of containers and units.
  const { threads, cut } = readThreads(ctx.paths.procfs, MAX_THREADS, (pid) => taken.has(pid));
  if (cut > 0) ctx.log.warn('there are more threads than are looked at', { MAX_THREADS, processes_cut: cut });
  const ofHost = new Map(threads.map((thread) => [thread.tid, thread]));
  const owned = workloads.flatMap(([workload, { tids, isPaused }]) => {
    const ownThreads = [...tids].flatMap((tid) => ofHost.get(tid) ?? []);
    // With v1 the kernel shows frozen tasks as uninterruptible, but does not count them as load.
    if (isPaused || countTasks(ownThreads).nr_uninterruptible > many)
      for (const tid of tids) ofHost.delete(tid);
    return isPaused ? [] : [[workload, ownThreads] as const];
  });
  return {
    bySubject: [['host', [...ofHost.values()]], ...owned],
    ownerOf: (tid) => workloads.find(([, { tids }]) => tids.has(tid))?.[0],
  };
}

/** Documentation/admin-guide/cgroup-v1/freezer-subsystem.rst */
function isPaused(freezer: string | undefined): boolean {
  const state = freezer === undefined ? undefined : readIfThere(join(freezer, 'freezer.state'));
  return state !== undefined && state.trim() !== 'THAWED';
}

export function countTasks(threads: readonly Thread[]): TaskCounts {
  const having = (...states: readonly string[]): number =>
    threads.filter(({ state }) => states.includes(state)).length;
  return {
    nr_running: having('R'),
    nr_sleeping: having('S', 'I'),
    nr_stopped: having('T', 't'),
    nr_uninterruptible: having('D'),
  };
}
