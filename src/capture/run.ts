/** An autotracer's declaration and a collector's context, as what an engine drives. */
import { existsSync } from 'node:fs';
import type { CAPTURE_METRICS, PaceOptions, Subject } from '../sdk/autotracing.ts';
import type { AnyAutotracer } from '../sdk/collector.ts';
import type { CollectorContext } from '../sdk/context.ts';
import type { Instruments } from '../sdk/metrics.ts';
import type { OptionValues } from '../sdk/options.ts';
import { Baselines } from './baselines.ts';
import { type EngineClock, systemClock } from './clock.ts';
import { Engine } from './engine.ts';
import { type Baseline, CaptureProcesses, takeBaseline } from './processes.ts';
import type { Captured, Memory, Outcome, Suppression, Tracer } from './tracer.ts';

const OUTCOMES: readonly Outcome[] = ['complete', 'partial', 'failed'];
const CAUSES: readonly Suppression[] = ['cooldown', 'budget', 'failed', 'subjects'];

/** What is in `ctx.state`. */
interface Kept {
  readonly engine: Memory<unknown>;
  readonly baselines: readonly Baseline[];
}

/** What a run needs of a context; a test has no more. */
export type TracerContext = Pick<
  CollectorContext,
  'name' | 'options' | 'paths' | 'containers' | 'log' | 'metrics' | 'signal' | 'state' | 'save'
>;

/**
 * Runs an autotracer until `ctx.signal` aborts.
 * @throws what ends `Engine.run`
 */
export async function runAutotracer(
  collector: AnyAutotracer,
  ctx: TracerContext,
  clock: EngineClock = systemClock,
): Promise<void> {
  const options = ctx.options as OptionValues<PaceOptions>;
  const kept = ctx.state.get<Kept>();
  const take = (now_ns: bigint): Baseline => takeBaseline(ctx.paths.procfs, now_ns);
  const baselines = new Baselines(options.window * options.every, take, kept?.baselines);
  const tracer: Tracer<unknown, object> = {
    sample: () => {
      if (collector.remembersProcesses) baselines.refresh(clock.boottime_ns());
      return collector.sample(ctx);
    },
    trigger: (window) => collector.trigger(window, ctx.options),
    capture: (subject, why, signal) => capture(collector, ctx, baselines.older, { subject, why, signal }),
    save: ({ subject, boottime_ns, data }) =>
      ctx.save({
        ...(typeof subject !== 'string' && { subject }),
        time_ns: boottime_ns,
        severity: collector.severity ?? 'warning',
        data,
      }),
    keep: (memory) => keep(ctx, { engine: memory, baselines: baselines.kept }),
    counts: createCounts(ctx),
    log: ctx.log,
  };
  const pace = {
    every_seconds: options.every,
    window: options.window,
    cooldown_seconds: options.cooldown,
    captures_per_hour: options.captures_per_hour,
    deadline_seconds: options.deadline,
  };
  await new Engine(tracer, pace, { clock, stop: ctx.signal }, kept?.engine).run();
}

async function capture(
  collector: AnyAutotracer,
  ctx: TracerContext,
  baseline: Baseline | undefined,
  { subject, why, signal }: { readonly subject: Subject; readonly why: object; readonly signal: AbortSignal },
): Promise<Captured> {
  const { options, paths, containers, log } = ctx;
  const processes = new CaptureProcesses(paths.procfs, baseline);
  const data = await collector.capture(subject, why, { options, paths, containers, log, signal, processes });
  return { data, isPartial: processes.isIncomplete || !isThere(subject) };
}

/** The list of containers lags behind the kernel; the cgroups do not. */
function isThere(subject: Subject): boolean {
  return typeof subject === 'string' || Object.values(subject.cgroups).every((path) => existsSync(path));
}

/** Too much to keep is no reason to stop: without windows there is no baseline after a crash, but cool-downs hold. */
function keep(ctx: TracerContext, kept: Kept): void {
  try {
    ctx.state.set(kept);
  } catch (error) {
    ctx.log.warn('windows are not kept for the next run', { error });
    ctx.state.set({ engine: { ...kept.engine, windows: [] }, baselines: [] } satisfies Kept);
  }
}

function createCounts({ name, metrics }: TracerContext): Tracer<unknown, object>['counts'] {
  const { captures, suppressed, samples } = metrics as Instruments<typeof CAPTURE_METRICS>;
  for (const outcome of OUTCOMES) captures.add(0, { collector: name, outcome });
  for (const cause of CAUSES) suppressed.add(0, { collector: name, cause });
  for (const outcome of ['taken', 'failed']) samples.add(0, { collector: name, outcome });
  return {
    captured: (outcome) => captures.add(1, { collector: name, outcome }),
    suppressed: (cause) => suppressed.add(1, { collector: name, cause }),
    sampled: (outcome) => samples.add(1, { collector: name, outcome }),
  };
}
