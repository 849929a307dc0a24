/** The options that every autotracer has, as an engine and a watch take them. */
import type { PaceOptions, PrecaptureOptions } from '../sdk/autotracing.ts';
import type { OptionValues } from '../sdk/options.ts';
import type { Pace } from './tracer.ts';

/** @param options of the collector, checked */
export function paceOf(
  options: unknown,
): Pace & { readonly window: number; readonly deadline_seconds: number } {
  const { every, window, cooldown, deadline, ...hourly } = options as OptionValues<PaceOptions>;
  return {
    every_seconds: every,
    window,
    cooldown_seconds: cooldown,
    hourly: { captures: hourly.captures_per_hour, cpu_seconds: hourly.capture_cpu_per_hour },
    deadline_seconds: deadline,
  };
}

/** @param options of the collector, checked */
export function hasPrecapture(options: unknown): boolean {
  return (options as Partial<OptionValues<PrecaptureOptions>>).pre_capture === true;
}
