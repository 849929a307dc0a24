/** An autotracer that has a thread of its own, for its BPF object: watch, engine and captures are all in it. */
import type { ProfileCalls } from '../profile/protocol.ts';
import type { AnyAutotracer } from '../sdk/collector.ts';
import type { CollectorContext } from '../sdk/context.ts';
import { type EngineClock, systemClock, usedCpu_us } from './clock.ts';
import { createCounts } from './counts.ts';
import { captureDocument } from './document.ts';
import { Engine } from './engine.ts';
import { paceOf } from './pace.ts';
import type { Memory, Tracer } from './tracer.ts';
import { baselineOf, type SubjectAlarm, Watch, type WatchMemory } from './watch.ts';

/** What is in `ctx.state`. */
interface Kept {
  readonly engine: Memory;
  readonly watch: WatchMemory;
}

/** What a run needs of a context; a test has no more. */
type TracerContext = Pick<
  CollectorContext,
  'name' | 'options' | 'paths' | 'containers' | 'log' | 'metrics' | 'signal' | 'state' | 'save'
> & { readonly profile: ProfileCalls };

/**
 * Runs an autotracer until `ctx.signal` aborts.
 * @throws what ends `Engine.run`
 */
export async function runAutotracer(
  collector: AnyAutotracer,
  ctx: TracerContext,
  clock: EngineClock = systemClock,
): Promise<void> {
  const kept = ctx.state.get<Kept>();
  const watch = new Watch(collector, ctx, kept?.watch);
  const time = { clock, stop: ctx.signal };
  const cpu = new CaptureCpu();
  const tracer: Tracer<SubjectAlarm> = {
    look: (signal) => watch.look(clock.boottime_ns(), signal),
    captureCpu_seconds: () => cpu.seconds,
    capture: async (alarm) => {
      using _ = cpu.begin();
      const { document, isPartial } = await captureDocument(
        collector,
        ctx,
        alarm,
        { baseline: baselineOf(watch.memory), profile: ctx.profile },
        time,
      );
      await ctx.save(document);
      return isPartial ? 'partial' : 'complete';
    },
    keep: (engine) => keep(ctx, { engine, watch: watch.memory }),
    counts: createCounts(ctx.name, ctx.metrics),
    log: ctx.log,
  };
  await new Engine(tracer, paceOf(ctx.options), time, kept?.engine).run();
}

/** CPU time of the thread while something is captured in it: what else it does meanwhile is in it. */
class CaptureCpu {
  #captures = 0;
  #settled_us = 0;
  #began_us = 0;

  get seconds(): number {
    const now_us = this.#captures > 0 ? usedCpu_us() - this.#began_us : 0;
    return (this.#settled_us + now_us) / 1e6;
  }

  begin(): Disposable {
    if (this.#captures === 0) this.#began_us = usedCpu_us();
    this.#captures += 1;
    return {
      [Symbol.dispose]: () => {
        this.#captures -= 1;
        if (this.#captures === 0) this.#settled_us += usedCpu_us() - this.#began_us;
      },
    };
  }
}

/** Too much to keep is no reason to stop: without windows there is no baseline after a crash, but cool-downs hold. */
function keep(ctx: TracerContext, kept: Kept): void {
  try {
    ctx.state.set(kept);
  } catch (error) {
    ctx.log.warn('windows are not kept for the next run', { error });
    ctx.state.set({ ...kept, watch: { windows: [], baselines: [] } } satisfies Kept);
  }
}
