/** Waits for a CPU, from the maps of bpf/runqlat.bpf.c. */

import type { RunqlatCgroupsValue, RunqlatHostValue } from '../../generated/runqlat.ts';
import {
  CONTAINER_LABELS,
  type Collector,
  containerLabels,
  counter,
  defineMetric,
  histogram,
} from '../../sdk/index.ts';
import { LATENCY_BUCKETS_SECONDS } from '../latency-histogram.ts';

const ZONES = 'zone 0 is below 10 ms, 1 below 20 ms, 2 below 50 ms, 3 the rest';

const collector: Collector = defineMetric({
  doc: 'Shows how long runnable tasks wait for a CPU, on the host and in each container.',
  metrics: {
    latency: counter({ help: `Waits of runnable tasks for a CPU; ${ZONES}.`, labels: ['zone'] }),
    container_latency: counter({
      help: `Waits of the container's runnable tasks for a CPU; ${ZONES}.`,
      labels: [...CONTAINER_LABELS, 'zone'],
    }),
    wait: histogram({
      name: 'huatuo_runqueue_wait_seconds',
      help: 'Time runnable tasks waited for a CPU.',
      buckets: LATENCY_BUCKETS_SECONDS,
    }),
    untracked: counter({
      name: 'huatuo_runqueue_untracked_total',
      help: 'Wake-ups that could not be timed because too many tasks were runnable.',
    }),
  },
  async update({ bpf, metrics, containers }) {
    const object = await bpf.load();
    const host = await object.map<number, RunqlatHostValue>('host').get(0);
    if (!host) return;
    for (const [zone, count] of host.zones.entries()) metrics.latency.set(count, { zone: String(zone) });
    metrics.wait.set(host.slots, host.sum_ns / 1e9);
    metrics.untracked.set(host.untracked);

    // A container may hold several cgroups; containers that are gone drop out.
    const zones = new Map<string, number[]>();
    const cgroups: (readonly [bigint, RunqlatCgroupsValue])[] = [];
    for await (const entry of object.map<bigint, RunqlatCgroupsValue>('cgroups').entries())
      cgroups.push(entry);
    const owners = await Promise.all(cgroups.map(([id]) => containers.byCgroupId(id, 'cpu')));
    for (const [index, owner] of owners.entries()) {
      const [, counts] = cgroups[index]!;
      if (owner)
        zones.set(
          owner.id,
          counts.zones.map((count, zone) => count + (zones.get(owner.id)?.[zone] ?? 0)),
        );
    }
    metrics.container_latency.clear();
    for (const container of containers.list()) {
      const counts = zones.get(container.id) ?? [];
      const labels = containerLabels(container);
      for (const [zone, count] of counts.entries())
        metrics.container_latency.set(count, { ...labels, zone: String(zone) });
    }
  },
});
export default collector;
