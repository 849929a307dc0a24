/** How often containers came to a limit of their memory. */
import { OOM_STATES, readMemoryEvents } from '../../procfs/memory-events.ts';
import {
  type Collector,
  counter,
  defineMetric,
  gauge,
  nameFilter,
  pattern,
  perWorkload,
  WORKLOAD_LABELS,
} from '../../sdk/index.ts';

const NAME = 'huatuo_bamai_memory_events_container_{key}';
const labels = ['key', ...WORKLOAD_LABELS] as const;

const collector: Collector = defineMetric({
  doc: 'Shows how often each container came to a limit of its memory, was throttled for it, or had tasks killed.',
  about: {
    question:
      'How often did each container come to a limit of its memory, was it throttled for it, or were tasks killed?',
    reads: 'memory.events; memory.oom_control, memory.failcnt and memory.memsw.failcnt of cgroup v1',
    kernel: 'any with CONFIG_MEMCG; of cgroup v1 only max and oom_kill (4.13)',
    falsePositives:
      'max rises with each charge that made the kernel reclaim, also when page cache was all that had to go. Linux 6.18 counts no hits of the limit of memory and swap together of cgroup v1',
  },
  options: {
    include: pattern('', 'Events to show; empty for all'),
    exclude: pattern('', 'Events to leave out; empty for none'),
  },
  metrics: {
    events: counter({
      name: NAME,
      help: 'Event {key} of memory.events; with cgroup v1, max is memory.failcnt and memory.memsw.failcnt, and oom_kill is from memory.oom_control.',
      labels,
    }),
    states: gauge({
      name: NAME,
      help: 'State {key} of memory.oom_control, cgroup v1: 1 if it is so.',
      labels,
    }),
  },
  update(context) {
    const { metrics, options } = context;
    const isShown = nameFilter(options);
    perWorkload(context, ({ cgroups }, own) => {
      for (const [key, value] of Object.entries(readMemoryEvents(cgroups) ?? {}))
        if (isShown(key)) (OOM_STATES.has(key) ? metrics.states : metrics.events).set(value, { key, ...own });
    });
  },
});
export default collector;
