/** Load averages of the host, and what makes load in each container: tasks that run, or wait and cannot be woken. */
import { readLoadAverage } from '../../procfs/loadavg.ts';
import { countTasks } from '../../procfs/task-state.ts';
import { CONTAINER_LABELS, type Collector, defineMetric, gauge, perContainer } from '../../sdk/index.ts';

const MAX_TASKS_PER_CONTAINER = 2_000;
/** Over all containers, so that a scrape ends within its deadline on a host with a hundred thousand threads. */
const MAX_TASKS = 20_000;
const BOUND = `At most ${MAX_TASKS_PER_CONTAINER} tasks of a container are looked at, ${MAX_TASKS} over all.`;

const collector: Collector = defineMetric({
  doc: 'Shows how much work waits for CPUs or disks, on the host and in each container.',
  about: {
    question: 'How much work runs or waits for CPUs and disks, on the host and in each container?',
    reads: '/proc/loadavg, /proc/<pid>/task/<tid>/stat of the tasks in cgroups',
    kernel: 'any',
    falsePositives:
      'Load on Linux has tasks in uninterruptible sleep, which need no CPU. Tasks of containers are counted at the moment of the scrape, and 2,000 of each at most',
  },
  metrics: {
    load1: gauge({ help: 'Load average of the host over 1 minute.' }),
    load5: gauge({ help: 'Load average of the host over 5 minutes.' }),
    load15: gauge({ help: 'Load average of the host over 15 minutes.' }),
    container_nr_running: gauge({
      help: `Tasks of the container that run or are ready to run. ${BOUND}`,
      labels: CONTAINER_LABELS,
    }),
    container_nr_uninterruptible: gauge({
      help: `Tasks of the container in uninterruptible sleep. ${BOUND}`,
      labels: CONTAINER_LABELS,
    }),
  },
  update(context) {
    const { metrics, paths, log } = context;
    const { load1, load5, load15 } = readLoadAverage(paths.procfs);
    metrics.load1.set(load1);
    metrics.load5.set(load5);
    metrics.load15.set(load15);

    let left = MAX_TASKS;
    perContainer(context, ({ cgroups: { cpu, unified, memory } }, labels) => {
      const cgroup = cpu ?? unified ?? memory;
      if (cgroup === undefined || left === 0) return;
      const counts = countTasks(paths.procfs, cgroup, Math.min(left, MAX_TASKS_PER_CONTAINER));
      left -= counts.read;
      metrics.container_nr_running.set(counts.running, labels);
      metrics.container_nr_uninterruptible.set(counts.uninterruptible, labels);
      if (left === 0) log.warn('containers have more tasks than one scrape looks at', { MAX_TASKS });
    });
  },
});
export default collector;
