/**
 * Looks for hung tasks where the kernel does not. Whether it does is asked when the collector starts and at each scrape; while it
 * does, nothing runs here.
 */
import { join } from 'node:path';
import { readIfThere } from '../../procfs/source.ts';
import type { BpfObject, CollectorContext } from '../../sdk/index.ts';

/** A hang is found this part of the threshold late at most. */
const LOOKS_PER_THRESHOLD = 10;
const MIN_INTERVAL_SECONDS = 1;

type Context = Pick<
  CollectorContext<{ readonly threshold_ns: number }>,
  'clock' | 'log' | 'options' | 'paths' | 'signal'
>;

/** Runs of collectors that look: the signal ends with the run. */
const looking = new WeakSet<AbortSignal>();

/** `kernel.hung_task_timeout_secs`; 0: the kernel does not look. Undefined when it was built without the detector. */
export function hungTaskTimeout(procfs: string): number | undefined {
  const text = readIfThere(join(procfs, 'sys/kernel/hung_task_timeout_secs'));
  return text === undefined ? undefined : Number(text);
}

/** Begins to look, unless the kernel does or it has begun already; ends when the kernel looks, and with the run. */
export function lookWhereKernelDoesNot(object: Pick<BpfObject, 'iterate'>, ctx: Context): void {
  if (looking.has(ctx.signal) || kernelLooks(ctx)) return;
  looking.add(ctx.signal);
  ctx.log.info('the kernel does not look for hung tasks, so the agent does', {
    threshold_ns: ctx.options.threshold_ns,
  });
  look(object, ctx)
    .catch((error: unknown) => ctx.log.warn('the agent no longer looks for hung tasks', { error }))
    .finally(() => looking.delete(ctx.signal));
}

function kernelLooks({ paths }: Context): boolean {
  return (hungTaskTimeout(paths.procfs) ?? 0) > 0;
}

async function look(object: Pick<BpfObject, 'iterate'>, ctx: Context): Promise<void> {
  const { clock, log, options, signal } = ctx;
  const interval_seconds = Math.max(MIN_INTERVAL_SECONDS, options.threshold_ns / 1e9 / LOOKS_PER_THRESHOLD);
  while (!signal.aborted && !kernelLooks(ctx)) {
    try {
      await object.iterate('stuck_tasks');
    } catch (error) {
      if (!signal.aborted)
        log.warn('tasks cannot be looked at, and the kernel does not look either', { error });
    }
    await clock.sleep(interval_seconds).catch(() => undefined);
  }
}
