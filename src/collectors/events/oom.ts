/** OOM kills: the event of bpf/oom.bpf.c with the state of both cgroups and of the host at that moment. */

import { type OomEvent, oom } from '../../generated/oom.ts';
import { readCommandLine } from '../../procfs/command-line.ts';
import { readHostMeminfo } from '../../procfs/meminfo.ts';
import { readMemoryCgroup } from '../../procfs/memory-cgroup.ts';
import { readCgroupProcesses } from '../../procfs/processes.ts';
import {
  bytes,
  type Collector,
  type Containers,
  counter,
  type DocumentOf,
  defineEvent,
  type HostPaths,
  type Instruments,
  integer,
  keyword,
  list,
  type Owner,
  optional,
  record,
  type State,
  struct,
  WORKLOAD_LABELS,
  type WorkloadLabels,
  workloadOf,
} from '../../sdk/index.ts';

/** Most containers, and cgroups, of which something is remembered; the oldest is forgotten. */
const MAX_REMEMBERED = 1000;
/** A kill comes with up to two looks at processes, a file each. */
const MAX_LOOKED_AT = 256;
const MAX_SHOWN = 5;

/** What outlives the worker. */
interface Seen {
  /** Name of the newest victim of each container and unit. */
  readonly latest: Map<string, string>;
  /**
   * The kernel's count of kills in each cgroup when one was last counted here. An event whose line was not on disk yet
   * when the worker ended is read again by the next one: it must not count twice.
   */
  readonly counted: Map<number, number>;
}

/** What only files know of a task: it may be gone, then it is left out. */
const task = {
  cgroup: optional(
    struct(
      {
        path: keyword('Path below the mount point of the hierarchy'),
        current: optional(bytes('Memory charged to it')),
        max: optional(bytes('Its limit')),
        stat: record(integer(''), 'memory.stat, as the kernel names and counts it'),
        events: record(integer(''), 'v2: memory.events; v1: memory.oom_control and memory.failcnt'),
        largest_processes: optional(
          list(
            struct({
              pid: integer('Process'),
              comm: keyword('Its name'),
              rss_bytes: bytes('Its resident memory'),
            }),
            'Processes of a container or unit with the most memory, of those that are left, largest first',
          ),
        ),
      },
      'State of its memory cgroup',
    ),
  ),
};

const metrics = {
  host_total: counter({ help: 'OOM victims that belong to no container.' }),
  unknown_total: counter({
    name: 'huatuo_oom_unknown_owner_total',
    help: 'OOM victims of which nothing tells whose they are.',
  }),
  kills_total: counter({
    name: 'huatuo_container_oom_kills_total',
    help: 'OOM victims in the container since the collector was started: for rate() and increase().',
    labels: WORKLOAD_LABELS,
  }),
  container_total: counter({
    help: 'The same with the name of the newest victim, which makes a new series of each kill by another name.',
    labels: [...WORKLOAD_LABELS, 'latest_victim_comm'],
  }),
};

const collector: Collector = defineEvent({
  object: oom,
  doc: 'Shows who ran out of memory, who was killed for it, and what the memory was used for.',
  metrics,
  document: {
    trigger: struct(task),
    victim: struct(task),
    memory_snapshot: struct(
      { host_meminfo: record(bytes(''), "Rows of /proc/meminfo, by the kernel's own names") },
      'Where the memory of the host was',
    ),
  },
  async enrich(event, { paths, containers, metrics, state }) {
    const [trigger, victim] = await Promise.all([
      ownerOf(event.trigger, containers),
      ownerOf(event.victim, containers),
    ]);
    if (isNew(event, victim, state)) {
      const kills = event.kills_count;
      const workload = workloadOf(victim);
      if (workload) metrics.kills_total.add(kills, workload.labels);
      if (victim.type === 'unknown') metrics.unknown_total.add(kills);
      else if (victim.type !== 'container') metrics.host_total.add(kills);
      showLatest(metrics, state);
    }
    const { pid, comm } = event.victim;
    const command_line = event.victim.command_line ?? readCommandLine(paths.procfs, pid, comm);
    return {
      ...event,
      trigger: { ...event.trigger, ...surroundings(event.trigger, trigger, paths) },
      victim: {
        ...event.victim,
        ...(command_line !== undefined && { command_line }),
        ...surroundings(event.victim, victim, paths),
      },
      memory_snapshot: { host_meminfo: readHostMeminfo(paths.procfs) },
    };
  },
  // What an earlier worker has counted is there already.
  async prepare(_object, { metrics, state }) {
    showLatest(metrics, state);
  },
});
export default collector;

/** Makes one series of all kills of a container or unit, by the name of its newest victim. */
function showLatest({ kills_total, container_total }: Instruments<typeof metrics>, state: State): void {
  container_total.clear();
  const { latest } = seenIn(state);
  for (const { labels, value } of kills_total.entries()) {
    const latest_victim_comm = latest.get(labels.container_id ?? labels.systemd_unit ?? '') ?? '';
    container_total.set(value, { ...(labels as WorkloadLabels), latest_victim_comm });
  }
}

interface Task {
  readonly pid: number;
  readonly cgroup_id: number;
  readonly unified_cgroup_id?: number;
}

/** A container that only the v2 hierarchy knows may be in a memory cgroup that is no container's. */
async function ownerOf({ cgroup_id, unified_cgroup_id }: Task, containers: Containers): Promise<Owner> {
  const owner = await containers.ownerOf(BigInt(cgroup_id), 'memory');
  if (owner.type === 'container' || unified_cgroup_id === undefined) return owner;
  const unified = await containers.ownerOf(BigInt(unified_cgroup_id), 'unified');
  return unified.type === 'container' ? unified : owner;
}

function seenIn(state: State): Seen {
  return state.get<Seen>() ?? { latest: new Map(), counted: new Map() };
}

/** @returns whether its kills are to be counted; remembers them */
function isNew({ kills_count, victim }: OomEvent, owner: Owner, state: State): boolean {
  const seen = seenIn(state);
  const { cgroup_id, cgroup_kills_count, comm } = victim;
  if (kills_count === 0 || cgroup_kills_count <= (seen.counted.get(cgroup_id) ?? 0)) return false;
  remember(seen.counted, cgroup_id, cgroup_kills_count);
  const workload = workloadOf(owner);
  if (workload) remember(seen.latest, workload.id, comm);
  state.set(seen);
  return true;
}

/** The newest is last. */
function remember<Key, Value>(map: Map<Key, Value>, key: Key, value: Value): void {
  map.delete(key);
  map.set(key, value);
  const oldest = map.keys().next();
  if (map.size > MAX_REMEMBERED && !oldest.done) map.delete(oldest.value);
}

/** A task of the event, as far as files still know it: it may be gone, and its cgroup with it; what is missing is left out. */
function surroundings(
  { pid, cgroup_id }: Task,
  owner: Owner,
  { procfs }: HostPaths,
): DocumentOf<typeof task> {
  const cgroup = readMemoryCgroup(procfs, pid, BigInt(cgroup_id), whereabouts(owner));
  if (!cgroup) return {};
  const isOwned = owner.type === 'container' || owner.type === 'unit';
  const largest_processes = isOwned ? largest(procfs, cgroup.directory) : [];
  return { cgroup: { ...cgroup.state, ...(largest_processes.length > 0 && { largest_processes }) } };
}

function largest(procfs: string, directory: string): ProcessUse[] {
  try {
    const { processes } = readCgroupProcesses(procfs, directory, MAX_LOOKED_AT);
    return processes
      .toSorted((a, b) => b.rss_bytes - a.rss_bytes)
      .slice(0, MAX_SHOWN)
      .map(({ pid, comm, rss_bytes }) => ({ pid, comm, rss_bytes }));
  } catch {
    // It is gone.
    return [];
  }
}

interface ProcessUse {
  readonly pid: number;
  readonly comm: string;
  readonly rss_bytes: number;
}

function whereabouts(owner: Owner): Readonly<Record<string, string>> | string | undefined {
  if (owner.type === 'container') return owner.container.cgroups;
  return owner.type === 'unknown' ? undefined : owner.cgroupPath;
}
