/** Pressure stall information: how much of the time tasks of the host and of each container wait for CPU, memory or I/O. */
import {
  type Pressure,
  RESOURCES,
  readCgroupPressure,
  readHostPressure,
  STALLS,
  WINDOWS,
} from '../../procfs/pressure.ts';
import {
  type Collector,
  counter,
  defineMetric,
  flag,
  gauge,
  perWorkload,
  WORKLOAD_LABELS,
} from '../../sdk/index.ts';

const US_PER_SECOND = 1e6;
/** Four resources, two stalls and four numbers for each of a thousand containers. */
const MAX_SERIES = 32_000;
const STALL = 'some: at least one task waited; full: all that could have run';

const collector: Collector = defineMetric({
  doc: 'Shows how much of the time tasks wait for CPU, memory or I/O, on the host and in each container.',
  about: {
    question: 'How much of the time do tasks wait for CPU, memory or I/O, on the host and in each container?',
    reads: '/proc/pressure; cpu.pressure, memory.pressure, io.pressure and irq.pressure of cgroups v2',
    kernel:
      '4.20 with CONFIG_PSI and without psi=0; irq from 6.1. Containers: the v2 hierarchy, also beside v1',
    falsePositives:
      'One task that waits is enough for “some”, also where many others work. The time that a quota or a device makes tasks wait is pressure too. Containers that are in v1 hierarchies alone have none',
  },
  maxSeries: MAX_SERIES,
  options: {
    container_averages: flag(true, 'Whether containers have the averages of the kernel beside the totals'),
  },
  metrics: {
    seconds: counter({
      name: 'huatuo_pressure_stalled_seconds_total',
      help: `Time in which tasks of the host waited for a resource; ${STALL}.`,
      labels: ['resource', 'stall'],
    }),
    ratio: gauge({
      name: 'huatuo_pressure_stalled_ratio',
      help: `Share of the time in which tasks of the host waited for a resource, as the kernel averages it over so many seconds; ${STALL}.`,
      labels: ['resource', 'stall', 'seconds'],
    }),
    container_seconds: counter({
      name: 'huatuo_container_pressure_stalled_seconds_total',
      help: `Time in which tasks of the container waited for a resource; ${STALL}.`,
      labels: [...WORKLOAD_LABELS, 'resource', 'stall'],
    }),
    container_ratio: gauge({
      name: 'huatuo_container_pressure_stalled_ratio',
      help: `Share of the time in which tasks of the container waited for a resource, as the kernel averages it over so many seconds; ${STALL}.`,
      labels: [...WORKLOAD_LABELS, 'resource', 'stall', 'seconds'],
    }),
  },
  update(context) {
    const { metrics, options, paths } = context;
    for (const resource of RESOURCES) {
      const pressure = readHostPressure(paths.procfs, resource) ?? {};
      for (const [stall, { total_us, ratio }] of stallsOf(pressure)) {
        metrics.seconds.set(total_us / US_PER_SECOND, { resource, stall });
        for (const seconds of WINDOWS) metrics.ratio.set(ratio[seconds], { resource, stall, seconds });
      }
    }
    perWorkload(context, ({ cgroups: { unified } }, container) => {
      if (unified === undefined) return;
      for (const resource of RESOURCES)
        for (const [stall, { total_us, ratio }] of stallsOf(readCgroupPressure(unified, resource) ?? {})) {
          const labels = { ...container, resource, stall };
          metrics.container_seconds.set(total_us / US_PER_SECOND, labels);
          for (const seconds of options.container_averages ? WINDOWS : [])
            metrics.container_ratio.set(ratio[seconds], { ...labels, seconds });
        }
    });
  },
});
export default collector;

function stallsOf(pressure: Pressure) {
  return STALLS.flatMap((stall) => {
    const times = pressure[stall];
    return times ? [[stall, times] as const] : [];
  });
}
