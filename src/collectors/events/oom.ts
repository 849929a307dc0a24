/** OOM kills: the event of bpf/oom.bpf.c with the state of both cgroups and of the host at that moment. */

import type { OomEvent } from '../../generated/oom.ts';
import { readHostMeminfo } from '../../procfs/meminfo.ts';
import { readMemoryCgroup } from '../../procfs/memory-cgroup.ts';
import {
  CONTAINER_LABELS,
  type Collector,
  type Container,
  type Containers,
  containerLabels,
  counter,
  defineEvent,
  type HostPaths,
} from '../../sdk/index.ts';

/** Kills of one container since the collector was started; the label upstream puts on it names the newest victim. */
interface Kills {
  count: number;
  latestVictim: string;
}
const killsByContainer = new Map<string, Kills>();

const collector: Collector = defineEvent({
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
  async enrich(event: OomEvent, { paths, containers, metrics }) {
    const victim = await containers.ownerOf(BigInt(event.victim.cgroup_id), 'memory');
    if (victim.type === 'container') remember(victim.container, event.victim.comm);
    else if (victim.type === 'unknown') metrics.unknown_total.add(1);
    else metrics.host_total.add(1);
    return {
      ...event,
      trigger: { ...event.trigger, ...(await surroundings(event.trigger, paths, containers)) },
      victim: { ...event.victim, ...(await surroundings(event.victim, paths, containers)) },
      memory_snapshot: { host_meminfo: readHostMeminfo(paths.procfs) },
    };
  },
  update({ metrics, containers }) {
    metrics.host_total.add(0);
    metrics.container_total.clear();
    const running = new Map(containers.list().map((container) => [container.id, container]));
    for (const [id, { count, latestVictim }] of killsByContainer) {
      const container = running.get(id);
      if (!container) killsByContainer.delete(id);
      else
        metrics.container_total.set(count, {
          ...containerLabels(container),
          latest_victim_comm: latestVictim,
        });
    }
  },
});
export default collector;

function remember(container: Container, comm: string): void {
  const kills = killsByContainer.get(container.id);
  killsByContainer.set(container.id, { count: (kills?.count ?? 0) + 1, latestVictim: comm });
}

/** A task of the event, as far as files still know it: it may be gone, then what is missing is left out. */
async function surroundings(
  task: { pid: number; cgroup_id: number },
  paths: HostPaths,
  containers: Containers,
): Promise<object> {
  const cgroupId = BigInt(task.cgroup_id);
  const owner = await containers.ownerOf(cgroupId, 'memory');
  const container = owner.type === 'container' ? owner.container : undefined;
  const cgroup = readMemoryCgroup(paths.procfs, task.pid, cgroupId, container?.cgroups);
  return {
    ...(container && { container_id: container.id, container_hostname: container.hostname }),
    ...(owner.type === 'unit' && { systemd_unit: owner.name }),
    ...('cgroupPath' in owner && { cgroup_path: owner.cgroupPath }),
    ...(cgroup && { cgroup }),
  };
}
