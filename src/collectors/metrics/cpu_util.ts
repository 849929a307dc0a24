/**
 * CPU use of the host and of each container, as percentages over the newest sampling interval, and the host's CPU time
 * as counters, from which Prometheus can make any other interval.
 */
import { type CgroupCpuUse, readCgroupCores, readCgroupCpuUse } from '../../procfs/cgroup-cpu.ts';
import { containerPercent, hostPercent } from '../../procfs/cpu-percent.ts';
import { CPU_MODES, type CpuTicks, GUEST_MODES, readCpuStat, TICKS_PER_SECOND } from '../../procfs/stat.ts';
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

/** One sample; containers by id. */
interface CpuUtilState {
  readonly host: CpuTicks;
  readonly containers: Readonly<Record<string, ContainerCpu>>;
}

interface ContainerCpu extends CgroupCpuUse {
  readonly cores: number;
}

const collector: Collector = defineMetric({
  doc: 'Shows how much of its CPU time the host and each container use.',
  about: {
    question:
      'How much of its CPU time does the host use, and how much does each container use of what it may, independent of who scrapes how often?',
    reads: '/proc/stat, cpu.stat or cpuacct of cgroups',
    kernel: 'any',
    falsePositives:
      'None, but it is a mean over 10 s, in which shorter peaks vanish. Time that a hypervisor has stolen is time that was not used',
  },
  metrics: {
    usr: gauge({ help: 'User time of the host, in percent of all CPUs.' }),
    sys: gauge({ help: 'System and interrupt time of the host, in percent of all CPUs.' }),
    total: gauge({ help: 'User, system and interrupt time of the host, in percent of all CPUs.' }),
    container_cores: gauge({
      help: 'CPUs the container may use: the least of its quota, its cpuset and the CPUs of the host.',
      labels: WORKLOAD_LABELS,
    }),
    container_usr: gauge({
      help: 'User time of the container, in percent of its CPUs.',
      labels: WORKLOAD_LABELS,
    }),
    container_sys: gauge({
      help: 'System time of the container, in percent of its CPUs.',
      labels: WORKLOAD_LABELS,
    }),
    container_total: gauge({
      help: 'CPU time of the container, in percent of its CPUs.',
      labels: WORKLOAD_LABELS,
    }),
    seconds: counter({
      name: 'huatuo_cpu_seconds_total',
      help: 'CPU time by mode since boot, in seconds. Time of guests is part of user and nice.',
      labels: ['cpu', 'mode'],
    }),
    guest_seconds: counter({
      name: 'huatuo_cpu_guest_seconds_total',
      help: 'CPU time of virtual machines that run on the host, in seconds; a host that had none has no series.',
      labels: ['cpu', 'mode'],
    }),
    container_seconds: counter({
      name: 'huatuo_container_cpu_seconds_total',
      help: 'CPU time of the container.',
      labels: WORKLOAD_LABELS,
    }),
  },
  sample: {
    every: EVERY_SECONDS,
    take: (context: SampleContext<object>): CpuUtilState => {
      const { total, cpus } = readCpuStat(context.paths.procfs);
      return { host: total, containers: sampleContainers(context, cpus.size) };
    },
  },
  update(context) {
    const { metrics, paths, samples } = context;
    for (const [number, ticks] of readCpuStat(paths.procfs).cpus) {
      const cpu = String(number);
      for (const mode of CPU_MODES) metrics.seconds.set(ticks[mode] / TICKS_PER_SECOND, { cpu, mode });
      for (const mode of ticks.guest + ticks.guest_nice > 0 ? GUEST_MODES : [])
        metrics.guest_seconds.set(ticks[mode] / TICKS_PER_SECOND, { cpu, mode });
    }
    perWorkload(context, ({ cgroups }, labels) => {
      const use = readCgroupCpuUse(cgroups);
      if (use) metrics.container_seconds.set(use.total_ns / NS_PER_SECOND, labels);
    });

    const [older, newer] = samples;
    if (!older || !newer) return;
    const host = hostPercent(older.state.host, newer.state.host);
    if (host) {
      metrics.usr.set(host.usr);
      metrics.sys.set(host.sys);
      metrics.total.set(host.total);
    }
    const elapsed_ns = Number(newer.boottime_ns - older.boottime_ns);
    if (elapsed_ns <= 0) return;
    // One that has ended since the newer sample uses nothing.
    perWorkload(context, ({ id }, labels) => {
      const [before, now] = [older.state.containers[id], newer.state.containers[id]];
      if (!before || !now) return;
      const percent = containerPercent(before, now, elapsed_ns * now.cores);
      metrics.container_cores.set(now.cores, labels);
      metrics.container_usr.set(percent.usr, labels);
      metrics.container_sys.set(percent.sys, labels);
      metrics.container_total.set(percent.total, labels);
    });
  },
});
export default collector;

/** @param online CPUs */
function sampleContainers(context: SampleContext<object>, online: number): Record<string, ContainerCpu> {
  const sampled = perWorkload(context, ({ cgroups }) => {
    const use = readCgroupCpuUse(cgroups);
    return use && { ...use, cores: readCgroupCores(cgroups, online) };
  });
  return Object.fromEntries(sampled.map(([{ id }, use]) => [id, use]));
}
