/** `huatuo_autotracing_*`: what a tracer did, by outcome and cause. */
import type { CAPTURE_METRICS } from '../sdk/autotracing.ts';
import type { Instruments, MetricSpecs } from '../sdk/metrics.ts';
import type { Counts, Outcome, Suppression } from './tracer.ts';

const OUTCOMES: readonly Outcome[] = ['complete', 'partial', 'failed'];
const CAUSES: readonly Suppression[] = ['cooldown', 'budget', 'cpu_budget', 'failed', 'subjects'];

/** @param metrics made of `CAPTURE_METRICS` */
export function createCounts(collector: string, metrics: Instruments<MetricSpecs>): Counts {
  const { captures, suppressed, samples } = metrics as Instruments<typeof CAPTURE_METRICS>;
  for (const outcome of OUTCOMES) captures.add(0, { collector, outcome });
  for (const cause of CAUSES) suppressed.add(0, { collector, cause });
  for (const outcome of ['taken', 'failed']) samples.add(0, { collector, outcome });
  return {
    captured: (outcome) => captures.add(1, { collector, outcome }),
    suppressed: (cause, times = 1) => suppressed.add(times, { collector, cause }),
    sampled: (outcome) => samples.add(1, { collector, outcome }),
  };
}
