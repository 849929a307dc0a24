/** Load averages of the host. What makes up the load, also of each container, an iterator tells: `runqlat.ts`. */
import { readLoadAverage } from '../../procfs/loadavg.ts';
import { type Collector, defineMetric, gauge } from '../../sdk/index.ts';

const collector: Collector = defineMetric({
  doc: 'Shows how much work has waited for CPUs or disks on the host, on average.',
  about: {
    question: 'How much work runs or waits for CPUs and disks on the host?',
    reads: '/proc/loadavg',
    kernel: 'any',
    falsePositives:
      'Load on Linux has tasks in uninterruptible sleep, which need no CPU. Which tasks make it up, in which container, is told by runqlat',
  },
  metrics: {
    load1: gauge({ help: 'Load average of the host over 1 minute.' }),
    load5: gauge({ help: 'Load average of the host over 5 minutes.' }),
    load15: gauge({ help: 'Load average of the host over 15 minutes.' }),
  },
  update({ metrics, paths }) {
    const { load1, load5, load15 } = readLoadAverage(paths.procfs);
    metrics.load1.set(load1);
    metrics.load5.set(load5);
    metrics.load15.set(load15);
  },
});
export default collector;
