/** Softirq latency: documents come straight from bpf/softirq.bpf.c, the distribution from its map. */
import type { SoftirqLatencyValue } from '../../generated/softirq.ts';
import { type Collector, counter, defineEvent, histogram } from '../../sdk/index.ts';
import { LATENCY_BUCKETS_SECONDS } from '../latency-histogram.ts';

/** In the order of `enum softirq_vector`. */
const VECTORS = [
  'HI',
  'TIMER',
  'NET_TX',
  'NET_RX',
  'BLOCK',
  'IRQ_POLL',
  'TASKLET',
  'SCHED',
  'HRTIMER',
  'RCU',
];
/** Upstream has one series for each CPU, and only of the network vectors. */
const PER_CPU_VECTORS = new Set(['NET_TX', 'NET_RX']);

const collector: Collector = defineEvent({
  doc: 'Shows softirqs that were served late, and the distribution of the delays.',
  metrics: {
    latency: counter({
      help: 'Softirqs by delay from raise to entry; zone 0 is below 10 us, 1 below 100 us, 2 below 1 ms, 3 the rest.',
      labels: ['cpuid', 'type', 'zone'],
    }),
    delay: histogram({
      name: 'huatuo_softirq_delay_seconds',
      help: 'Time from the raise of a softirq to its entry.',
      labels: ['vector'],
      buckets: LATENCY_BUCKETS_SECONDS,
    }),
  },
  async update({ bpf, metrics }) {
    const latency = (await bpf.load()).map<number, SoftirqLatencyValue>('latency');
    for await (const [vector, total] of latency.entries()) {
      const name = VECTORS[vector];
      if (name) metrics.delay.set(total.slots, total.sum_ns / 1e9, { vector: name });
    }
    for await (const [vector, cpus] of latency.perCpuEntries()) {
      const type = VECTORS[vector] ?? '';
      if (!PER_CPU_VECTORS.has(type)) continue;
      for (const [cpu, { zones }] of cpus.entries()) {
        for (const [zone, count] of zones.entries())
          metrics.latency.set(count, { cpuid: String(cpu), type, zone: String(zone) });
      }
    }
  },
});
export default collector;
