/**
 * Looks for hung tasks where the kernel does not. Whether it does is asked once a minute, and while it does nothing else is done here.
 */
import { join } from 'node:path';
import { readIfThere } from '../../procfs/source.ts';
import type { BpfObject, CollectorContext } from '../../sdk/index.ts';

/** A hang is found this part of the threshold late at most. */
const LOOKS_PER_THRESHOLD = 10;
const MIN_INTERVAL_SECONDS = 1;
/** The kernel's own detector may be switched off while the agent runs. */
const ASK_SECONDS = 60;

/** The default of the threshold, which is that of the kernel. */
const USUAL_SECONDS = 120;

const IGNORED =
  'the threshold of hungtask has no effect: the kernel looks for hung tasks itself, and by its own limit';
const REMEDY = 'set kernel.hung_task_timeout_secs to that limit, or to 0 for the agent to look';

type Context = Pick<
  CollectorContext<{ readonly threshold_ns: number }>,
  'clock' | 'log' | 'options' | 'paths' | 'signal'
>;

/** `kernel.hung_task_timeout_secs`; 0: the kernel does not look. Undefined when it was built without the detector. */
export function hungTaskTimeout(procfs: string): number | undefined {
  const text = readIfThere(join(procfs, 'sys/kernel/hung_task_timeout_secs'));
  return text === undefined ? undefined : Number(text);
}

/**
 * Looks for as long as the kernel does not, until the end of the run.
 * @param told is given what `hungTaskTimeout` says, each time that it was asked
 */
export async function lookWhereKernelDoesNot(
  object: Pick<BpfObject, 'iterate'>,
  ctx: Context,
  told: (timeout_seconds: number | undefined) => void,
): Promise<void> {
  const { clock, log, options, paths, signal } = ctx;
  const interval_seconds = Math.max(MIN_INTERVAL_SECONDS, options.threshold_ns / 1e9 / LOOKS_PER_THRESHOLD);
  let kernelLooks = true;
  let warned = false;
  while (!signal.aborted) {
    const asked_seconds = hungTaskTimeout(paths.procfs);
    told(asked_seconds);
    const timeout_seconds = asked_seconds ?? 0;
    const kernelLooked = kernelLooks;
    kernelLooks = timeout_seconds > 0;
    if (kernelLooked && !kernelLooks)
      log.info('the kernel does not look for hung tasks, so the agent does', {
        threshold_ns: options.threshold_ns,
      });
    const isIgnored = kernelLooks && isSet(options.threshold_ns, timeout_seconds);
    if (isIgnored && !warned) log.warn(IGNORED, { hung_task_timeout_secs: timeout_seconds, remedy: REMEDY });
    warned = isIgnored;
    if (!kernelLooks) await look(object, ctx);
    await clock.sleep(kernelLooks ? ASK_SECONDS : interval_seconds).catch(() => undefined);
  }
}

/** Whether another threshold than the default is asked for, and another than what the kernel has. */
function isSet(threshold_ns: number, timeout_seconds: number): boolean {
  return ![USUAL_SECONDS, timeout_seconds].includes(threshold_ns / 1e9);
}

async function look(object: Pick<BpfObject, 'iterate'>, { log, signal }: Context): Promise<void> {
  try {
    await object.iterate('stuck_tasks');
  } catch (error) {
    if (!signal.aborted)
      log.warn('tasks cannot be looked at, and the kernel does not look either', { error });
  }
}
