/** How many processes, threads and open files there are, and how many there may be, on the host and in each container. */
import { countProcesses, readCgroupPids, readHostLimits } from '../../procfs/process-limits.ts';
import {
  type Collector,
  counter,
  defineMetric,
  gauge,
  perWorkload,
  WORKLOAD_LABELS,
} from '../../sdk/index.ts';

const collector: Collector = defineMetric({
  doc: 'Shows how many processes, threads and open files there are, and may be, on the host and in each container.',
  about: {
    question: 'How many processes, threads and open files are there, and how many may there be?',
    reads:
      '/proc, /proc/sys/fs/file-nr, /proc/loadavg, kernel.threads-max and kernel.pid_max; pids.current, pids.max and pids.events of cgroups',
    kernel: '4.3 for containers',
    falsePositives:
      'Files are those of the whole host: limits of single processes are not looked at. A fork that a limit above the container refuses is in its count before 6.11 and on v1, later it is not',
  },
  metrics: {
    processes: gauge({ name: 'huatuo_processes', help: 'Processes of the host.' }),
    threads: gauge({ name: 'huatuo_threads', help: 'Threads of the host, those of the kernel included.' }),
    max_threads: gauge({
      name: 'huatuo_threads_limit',
      help: 'How many threads there may be: kernel.threads-max.',
    }),
    max_pids: gauge({
      name: 'huatuo_pids_limit',
      help: 'Ids of processes and threads are below this: kernel.pid_max.',
    }),
    files: gauge({ name: 'huatuo_open_files', help: 'Open files of all processes.' }),
    max_files: gauge({
      name: 'huatuo_open_files_limit',
      help: 'How many open files there may be: fs.file-max.',
    }),
    container_threads: gauge({
      name: 'huatuo_container_threads',
      help: 'Threads of the container.',
      labels: WORKLOAD_LABELS,
    }),
    container_max_threads: gauge({
      name: 'huatuo_container_threads_limit',
      help: 'How many threads the container may have (pids.max); without a limit there is no series.',
      labels: WORKLOAD_LABELS,
    }),
    container_refused: counter({
      name: 'huatuo_container_forks_refused_total',
      help: 'Forks in the container that failed because of its limit on threads.',
      labels: WORKLOAD_LABELS,
    }),
  },
  update(context) {
    const { metrics, paths } = context;
    metrics.processes.set(countProcesses(paths.procfs));
    const { threads, maxThreads, maxPids, files, maxFiles } = readHostLimits(paths.procfs);
    if (threads !== undefined) metrics.threads.set(threads);
    if (maxThreads !== undefined) metrics.max_threads.set(maxThreads);
    if (maxPids !== undefined) metrics.max_pids.set(maxPids);
    if (files !== undefined) metrics.files.set(files);
    if (maxFiles !== undefined) metrics.max_files.set(maxFiles);

    perWorkload(context, ({ cgroups }, labels) => {
      const pids = readCgroupPids(cgroups);
      if (!pids) return;
      metrics.container_threads.set(pids.current, labels);
      if (pids.max !== undefined) metrics.container_max_threads.set(pids.max, labels);
      if (pids.refused !== undefined) metrics.container_refused.set(pids.refused, labels);
    });
  },
});
export default collector;
