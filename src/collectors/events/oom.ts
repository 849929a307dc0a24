/** OOM kills: the event of bpf/oom.bpf.c with the state of both cgroups and of the host at that moment. */

import { oom } from '../../generated/oom.ts';
import { readHostMeminfo } from '../../procfs/meminfo.ts';
import { readMemoryCgroup } from '../../procfs/memory-cgroup.ts';
import {
  bytes,
  CONTAINER_LABELS,
  type Collector,
  type Container,
  containerLabels,
  counter,
  type DocumentOf,
  defineEvent,
  type HostPaths,
  integer,
  keyword,
  type Owner,
  optional,
  record,
  type State,
  struct,
} from '../../sdk/index.ts';

const MAX_CONTAINERS = 1000;

/** Kills of each container since the agent was started; the label upstream puts on it names the newest victim. */
type Kills = Map<string, { readonly count: number; readonly latestVictim: string }>;

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
      },
      'State of its memory cgroup',
    ),
  ),
};

const collector: Collector = defineEvent({
  object: oom,
  doc: 'Shows who ran out of memory, who was killed for it, and what the memory was used for.',
  metrics: {
    host_total: counter({ help: 'OOM victims that belong to no container.' }),
    unknown_total: counter({
      name: 'huatuo_oom_unknown_owner_total',
      help: 'OOM victims of which nothing tells whose they are.',
    }),
    container_total: counter({
      help: 'OOM victims in the container since the collector was started.',
      labels: [...CONTAINER_LABELS, 'latest_victim_comm'],
    }),
  },
  document: {
    trigger: struct(task),
    victim: struct(task),
    memory_snapshot: struct(
      { host_meminfo: record(bytes(''), "Rows of /proc/meminfo, by the kernel's own names") },
      'Where the memory of the host was',
    ),
  },
  async enrich(event, { paths, containers, metrics, state }) {
    const ownerOf = ({ cgroup_id }: { cgroup_id: number }): Promise<Owner> =>
      containers.ownerOf(BigInt(cgroup_id), 'memory');
    const [trigger, victim] = await Promise.all([ownerOf(event.trigger), ownerOf(event.victim)]);
    if (victim.type === 'container') remember(victim.container, event.victim.comm, state);
    else if (victim.type === 'unknown') metrics.unknown_total.add(1);
    else metrics.host_total.add(1);
    return {
      ...event,
      trigger: { ...event.trigger, ...surroundings(event.trigger, trigger, paths) },
      victim: { ...event.victim, ...surroundings(event.victim, victim, paths) },
      memory_snapshot: { host_meminfo: readHostMeminfo(paths.procfs) },
    };
  },
  update({ metrics, containers, state }) {
    metrics.host_total.add(0);
    metrics.container_total.clear();
    const running = new Map(containers.list().map((container) => [container.id, container]));
    for (const [id, { count, latestVictim }] of state.get<Kills>() ?? []) {
      const container = running.get(id);
      if (container)
        metrics.container_total.set(count, {
          ...containerLabels(container),
          latest_victim_comm: latestVictim,
        });
    }
  },
});
export default collector;

function remember({ id }: Container, comm: string, state: State): void {
  const kills: Kills = state.get() ?? new Map();
  const count = (kills.get(id)?.count ?? 0) + 1;
  // The newest is last; containers that are long gone are the first to be forgotten.
  kills.delete(id);
  kills.set(id, { count, latestVictim: comm });
  for (const oldest of kills.keys()) {
    if (kills.size <= MAX_CONTAINERS) break;
    kills.delete(oldest);
  }
  state.set(kills);
}

/** A task of the event, as far as files still know it: it may be gone, and its cgroup with it; what is missing is left out. */
function surroundings(
  { pid, cgroup_id }: { pid: number; cgroup_id: number },
  owner: Owner,
  { procfs }: HostPaths,
): DocumentOf<typeof task> {
  const cgroup = readMemoryCgroup(procfs, pid, BigInt(cgroup_id), whereabouts(owner));
  return cgroup ? { cgroup } : {};
}

function whereabouts(owner: Owner): Readonly<Record<string, string>> | string | undefined {
  if (owner.type === 'container') return owner.container.cgroups;
  return owner.type === 'unknown' ? undefined : owner.cgroupPath;
}
