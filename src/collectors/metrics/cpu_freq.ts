/** How fast the CPUs run, how fast they may, and how often they were slowed down because they were hot. */
import {
  type CpuThrottling,
  onlineCpus,
  readCpuFrequency,
  readCpuThrottling,
  type Throttled,
} from '../../procfs/cpu-frequency.ts';
import { type Collector, counter, defineMetric, gauge } from '../../sdk/index.ts';

const collector: Collector = defineMetric({
  doc: 'Shows how fast the CPUs run, between which limits, and how often heat has slowed them down.',
  about: {
    question: 'How fast do the CPUs run, between which limits, and has heat slowed them down?',
    reads: '/sys/devices/system/cpu/cpu<n>/cpufreq, …/thermal_throttle, …/topology',
    kernel: 'with a cpufreq driver; throttling: Intel, with times from 5.6',
    falsePositives:
      'Idle CPUs are slow by intention. Drivers that do not measure show what was asked for. Virtual machines mostly show nothing',
  },
  metrics: {
    current: gauge({
      name: 'huatuo_cpu_frequency_hertz',
      help: 'Frequency the CPU runs at.',
      labels: ['cpu'],
    }),
    limit: gauge({
      name: 'huatuo_cpu_frequency_limit_hertz',
      help: 'Lowest and highest frequency the governor may choose now.',
      labels: ['cpu', 'limit'],
    }),
    hardware_limit: gauge({
      name: 'huatuo_cpu_frequency_hardware_limit_hertz',
      help: 'Lowest and highest frequency of the CPU.',
      labels: ['cpu', 'limit'],
    }),
    core_throttles: counter({
      name: 'huatuo_cpu_core_throttles_total',
      help: 'How often the core was slowed down because it was hot.',
      labels: ['package', 'core'],
    }),
    core_throttled: counter({
      name: 'huatuo_cpu_core_throttled_seconds_total',
      help: 'How long the core was slowed down because it was hot.',
      labels: ['package', 'core'],
    }),
    package_throttles: counter({
      name: 'huatuo_cpu_package_throttles_total',
      help: 'How often the package was slowed down because it was hot.',
      labels: ['package'],
    }),
    package_throttled: counter({
      name: 'huatuo_cpu_package_throttled_seconds_total',
      help: 'How long the package was slowed down because it was hot.',
      labels: ['package'],
    }),
  },
  update({ metrics, paths, log }) {
    const throttlings: CpuThrottling[] = [];
    for (const number of onlineCpus(paths.sysfs)) {
      const cpu = String(number);
      try {
        const frequency = readCpuFrequency(paths.sysfs, number);
        const limits = [
          [metrics.limit, 'lowest', frequency.lowest_hertz],
          [metrics.limit, 'highest', frequency.highest_hertz],
          [metrics.hardware_limit, 'lowest', frequency.hardwareLowest_hertz],
          [metrics.hardware_limit, 'highest', frequency.hardwareHighest_hertz],
        ] as const;
        if (frequency.current_hertz !== undefined) metrics.current.set(frequency.current_hertz, { cpu });
        for (const [metric, limit, hertz] of limits)
          if (hertz !== undefined) metric.set(hertz, { cpu, limit });
        const throttling = readCpuThrottling(paths.sysfs, number);
        if (throttling) throttlings.push(throttling);
      } catch (error) {
        log.warn('a CPU cannot be read', { cpu: number, error });
      }
    }
    // The CPUs of a core, and those of a package, show one counter: every series is set to it again.
    for (const throttling of throttlings) {
      const { packageId, coreId, core } = throttling;
      const ofCore = { package: packageId, core: coreId };
      if (core.times !== undefined) metrics.core_throttles.set(core.times, ofCore);
      if (core.seconds !== undefined) metrics.core_throttled.set(core.seconds, ofCore);
      const ofPackage: Throttled = throttling.package;
      if (ofPackage.times !== undefined)
        metrics.package_throttles.set(ofPackage.times, { package: packageId });
      if (ofPackage.seconds !== undefined)
        metrics.package_throttled.set(ofPackage.seconds, { package: packageId });
    }
  },
});
export default collector;
