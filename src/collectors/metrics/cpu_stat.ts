/**
 * What CPU quotas cost containers: periods in which they were throttled, and how long; bursts; and the share of the time that
 * they wait for CPUs.
 */
import { type CgroupBandwidth, readCgroupBandwidth } from '../../procfs/cgroup-bandwidth.ts';
import { type CgroupPaths, readCgroupCpuUse } from '../../procfs/cgroup-cpu.ts';
import { type CpuWait, waitPercent } from '../../procfs/cpu-percent.ts';
import { readCgroupPressure } from '../../procfs/pressure.ts';
import {
  type Collector,
  counter,
  defineMetric,
  gauge,
  perWorkload,
  type SampleContext,
  WORKLOAD_LABELS,
} from '../../sdk/index.ts';

const EVERY_SECONDS = 10;
const NS_PER_SECOND = 1e9;
const NS_PER_US = 1_000;

/** Containers by id. */
type Waits = Readonly<Record<string, CpuWait>>;

const of = (help: string) => counter({ help, labels: WORKLOAD_LABELS });

const collector: Collector = defineMetric({
  doc: 'Shows how often and how long CPU quotas hold up containers, and how much of the time they wait for CPUs.',
  about: {
    question:
      'How often and how long do CPU quotas hold up each container, and how much of the time does it wait for CPUs?',
    reads: 'cpu.stat, cpuacct.usage and cpu.pressure of cgroups',
    kernel:
      'any; bursts from 5.14. Waits: v1 with kernel.sched_schedstats=1, else pressure of the v2 hierarchy (4.20)',
    falsePositives:
      'A container that works in bursts is throttled while it uses little on average. Shares of waits are of different things on v1 and v2: of the time that tasks wanted to run, or of all time',
  },
  metrics: {
    container_wait_sum_percent: gauge({
      help: 'Time the container waited for CPUs, in percent: of the time it wanted to run (cgroup v1 with kernel.sched_schedstats=1), else of all time, as long as one of its tasks waited (pressure of cgroup v2).',
      labels: WORKLOAD_LABELS,
    }),
    container_nr_throttled: of('Enforcement periods in which the container was throttled.'),
    container_throttled_time: of('Time the container was throttled, in nanoseconds, over its CPUs.'),
    container_nr_bursts: of('Enforcement periods in which the container used more than its quota.'),
    container_burst_time: of('CPU time the container used beyond its quota, in nanoseconds.'),
    container_periods: counter({
      name: 'huatuo_container_cpu_periods_total',
      help: 'Enforcement periods of its CPU quota in which the container was runnable.',
      labels: WORKLOAD_LABELS,
    }),
    container_throttled: counter({
      name: 'huatuo_container_cpu_throttled_seconds_total',
      help: 'Time the container was throttled, over its CPUs.',
      labels: WORKLOAD_LABELS,
    }),
  },
  sample: { every: EVERY_SECONDS, take: sampleWaits },
  update(context) {
    const { metrics, samples } = context;
    perWorkload(context, ({ cgroups }, labels) => {
      const found: CgroupBandwidth = readCgroupBandwidth(cgroups) ?? {};
      const show = (
        metric: keyof typeof metrics & `container_${string}`,
        value: number | undefined,
      ): void => {
        if (value !== undefined) metrics[metric].set(value, labels);
      };
      show('container_nr_throttled', found.throttledPeriods);
      show('container_throttled_time', found.throttled_ns);
      show('container_nr_bursts', found.bursts);
      show('container_burst_time', found.burst_ns);
      show('container_periods', found.periods);
      show('container_throttled', found.throttled_ns && found.throttled_ns / NS_PER_SECOND);
    });

    const [older, newer] = samples;
    if (!older || !newer) return;
    const passed_ns = Number(newer.boottime_ns - older.boottime_ns);
    // One that has ended since the newer sample waits for nothing.
    perWorkload(context, ({ id }, labels) => {
      const [before, now] = [older.state[id], newer.state[id]];
      const percent = before && now && waitPercent(before, now, passed_ns);
      if (percent !== undefined) metrics.container_wait_sum_percent.set(percent, labels);
    });
  },
});
export default collector;

function sampleWaits(context: SampleContext<object>): Waits {
  const waits = perWorkload(context, ({ cgroups }) => readWait(cgroups));
  return Object.fromEntries(waits.map(([{ id }, wait]) => [id, wait]));
}

/** @returns undefined where the kernel does not tell */
function readWait(cgroups: CgroupPaths): CpuWait | undefined {
  const wait_ns = readCgroupBandwidth(cgroups)?.wait_ns;
  const use = wait_ns === undefined ? undefined : readCgroupCpuUse(cgroups);
  if (wait_ns !== undefined && use) return { wait_ns, run_ns: use.total_ns };
  const stalled =
    cgroups.unified === undefined ? undefined : readCgroupPressure(cgroups.unified, 'cpu')?.some;
  return stalled && { wait_ns: stalled.total_us * NS_PER_US };
}
