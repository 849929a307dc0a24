/** What interrupts the host: hard interrupts by source and by CPU, soft interrupts, and how often it switches and forks. */
import { readInterrupts, readSoftirqs } from '../../procfs/interrupts.ts';
import { readKernelActivity } from '../../procfs/stat.ts';
import { type Collector, counter, defineMetric, gauge } from '../../sdk/index.ts';

const collector: Collector = defineMetric({
  doc: 'Shows what interrupts the host and which CPUs serve it, context switches, forks, and when the host was started.',
  about: {
    question: 'What interrupts the host, which CPUs serve it, and how often does it switch tasks and fork?',
    reads: '/proc/interrupts, /proc/softirqs, /proc/stat',
    kernel: 'any',
    falsePositives:
      'How often is not how long: time in interrupts is in cpu_util by CPU. The kernel counts those that its firmware or hypervisor serves nowhere',
  },
  metrics: {
    interrupts: counter({
      name: 'huatuo_interrupts_total',
      help: 'Hard interrupts by source, over all CPUs; name is that of its devices or what it is for. One that never came has no series.',
      labels: ['irq', 'name'],
    }),
    cpu_interrupts: counter({
      name: 'huatuo_cpu_interrupts_total',
      help: 'Hard interrupts that each CPU has served.',
      labels: ['cpu'],
    }),
    softirqs: counter({
      name: 'huatuo_softirqs_total',
      help: 'Soft interrupts that each CPU has served, by vector. A vector that never came has no series.',
      labels: ['vector', 'cpu'],
    }),
    context_switches: counter({
      name: 'huatuo_context_switches_total',
      help: 'Switches of CPUs from one task to another.',
    }),
    forks: counter({ name: 'huatuo_forks_total', help: 'Processes and threads that were made.' }),
    booted: gauge({ name: 'huatuo_boot_time_seconds', help: 'When the host was started, since the epoch.' }),
    running: gauge({ name: 'huatuo_procs_running', help: 'Tasks that run or are ready to run.' }),
    blocked: gauge({ name: 'huatuo_procs_blocked', help: 'Tasks that wait for I/O to complete.' }),
  },
  update({ metrics, paths }) {
    const { cpus, sources } = readInterrupts(paths.procfs) ?? { cpus: [], sources: [] };
    for (const { irq, name, count } of sources) if (count > 0) metrics.interrupts.set(count, { irq, name });
    for (const [cpu, count] of cpus) metrics.cpu_interrupts.set(count, { cpu: String(cpu) });

    const softirqs = readSoftirqs(paths.procfs);
    for (const [vector, counts] of softirqs?.vectors ?? [])
      for (const [column, count] of counts.entries())
        if (count > 0) metrics.softirqs.set(count, { vector, cpu: String(softirqs?.cpus[column]) });

    const { contextSwitches, forks, booted_seconds, runnable, blocked } = readKernelActivity(paths.procfs);
    if (contextSwitches !== undefined) metrics.context_switches.set(contextSwitches);
    if (forks !== undefined) metrics.forks.set(forks);
    if (booted_seconds !== undefined) metrics.booted.set(booted_seconds);
    if (runnable !== undefined) metrics.running.set(runnable);
    if (blocked !== undefined) metrics.blocked.set(blocked);
  },
});
export default collector;
