/**
 * How long tasks wait: the distributions are those of bpf/runqlat.bpf.c. At a scrape an iterator of the same object tells which
 * tasks run, are blocked, or have ended without being reaped at that moment.
 */
import { runqlat } from '../../generated/runqlat.ts';
import {
  type Collector,
  defineMetric,
  gauge,
  WORKLOAD_LABELS,
  workloadLabels,
  workloadOf,
} from '../../sdk/index.ts';

/** `enum task_kind` of the program. */
const KINDS = ['running', 'blocked', 'zombie'] as const;
/** How many tasks of each kind. */
type TaskCounts = Record<(typeof KINDS)[number], number>;

/** `struct counted_task` of the program. */
const RECORD_BYTES = 16;
const KIND_OFFSET = 8;

const collector: Collector = defineMetric({
  object: runqlat,
  doc: 'Shows how long tasks wait for a CPU, are blocked or asleep, and which run or are blocked now, on the host and in each container.',
  metrics: {
    tasks: gauge({
      name: 'huatuo_tasks',
      help: 'Tasks of the host that are running or ready to, blocked in uninterruptible sleep, or zombie processes.',
      labels: ['state'],
    }),
    // The names are those of existing dashboards, which know them as of the collector loadavg.
    container_running: gauge({
      name: 'huatuo_bamai_loadavg_container_nr_running',
      help: 'Tasks of the container that run or are ready to run.',
      labels: WORKLOAD_LABELS,
    }),
    container_blocked: gauge({
      name: 'huatuo_bamai_loadavg_container_nr_uninterruptible',
      help: 'Tasks of the container in uninterruptible sleep.',
      labels: WORKLOAD_LABELS,
    }),
    container_zombies: gauge({
      name: 'huatuo_container_zombie_processes',
      help: 'Processes of the container that have ended and were not reaped by their parent.',
      labels: WORKLOAD_LABELS,
    }),
  },
  async update({ bpf, containers, metrics }) {
    const byCgroup = countByCgroup(await (await bpf.load()).iterate('counted_tasks'));
    const byWorkload = new Map<string, TaskCounts>();
    const host = none();
    for (const [cgroup, counts] of byCgroup) {
      add(host, counts);
      const workload = workloadOf(await containers.ownerOf(cgroup, 'cpu'));
      if (workload) add(countsOf(byWorkload, workload.id), counts);
    }
    for (const state of KINDS) metrics.tasks.set(host[state], { state });
    metrics.container_running.clear();
    metrics.container_blocked.clear();
    metrics.container_zombies.clear();
    for (const workload of [...containers.list(), ...containers.units()]) {
      const labels = workloadLabels(workload);
      const { running, blocked, zombie } = countsOf(byWorkload, workload.id);
      metrics.container_running.set(running, labels);
      metrics.container_blocked.set(blocked, labels);
      metrics.container_zombies.set(zombie, labels);
    }
  },
});
export default collector;

function countByCgroup(records: Uint8Array): ReadonlyMap<bigint, TaskCounts> {
  const view = new DataView(records.buffer, records.byteOffset, records.byteLength);
  const byCgroup = new Map<bigint, TaskCounts>();
  for (let at = 0; at + RECORD_BYTES <= records.byteLength; at += RECORD_BYTES) {
    const kind = KINDS[view.getUint32(at + KIND_OFFSET, true)];
    if (kind === undefined) continue;
    const cgroup = view.getBigUint64(at, true);
    const counts = byCgroup.get(cgroup) ?? none();
    byCgroup.set(cgroup, counts);
    counts[kind]++;
  }
  return byCgroup;
}

const none = (): TaskCounts => ({ running: 0, blocked: 0, zombie: 0 });

function countsOf(byWorkload: Map<string, TaskCounts>, id: string): TaskCounts {
  const counts = byWorkload.get(id) ?? none();
  byWorkload.set(id, counts);
  return counts;
}

function add(sum: TaskCounts, counts: TaskCounts): void {
  for (const kind of KINDS) sum[kind] += counts[kind];
}
