/**
 * Hung tasks: the events are those of bpf/hungtask.bpf.c. For a hang it asks which tasks wait at that moment, which become
 * events of the same ring, and reads from the stack of each what it waits for. Where the kernel does not look for hung tasks it
 * does so itself, in hung-task-looks.ts.
 */
import { type HungtaskEvent, hungtask } from '../../generated/hungtask.ts';
import {
  type Collector,
  type CollectorContext,
  defineEvent,
  duration,
  gauge,
  integer,
  keyword,
  optional,
} from '../../sdk/index.ts';
import { hungTaskTimeout, lookWhereKernelDoesNot } from './hung-task-looks.ts';

/**
 * What the kernel does not note of a wait, the names on its stack tell, innermost first. The kernel leaves out the functions of
 * its scheduler (`__sched`), mutex_lock() and io_schedule() among them; which ones these are differs from version to version.
 */
const PRIMITIVES: readonly (readonly [name: RegExp, waitsFor: string])[] = [
  [/^(io_schedule|bit_wait_io|blk_io_schedule|folio_wait|wait_on_page|submit_bio_wait)/, 'io'],
  [/^percpu_(rwsem_wait|down)|^__percpu_down/, 'percpu_rwsem'],
  [/^rwsem_(down|wait)|^(__)?down_(read|write)/, 'rwsem'],
  [/^(__)?(ww_)?mutex_lock/, 'mutex'],
  [/^(__)*down(_common|_timeout)?$/, 'semaphore'],
  [/^(__)*wait_for_(common|completion)/, 'completion'],
  [/^(synchronize_s?rcu|__synchronize_srcu|(__)?wait_rcu_gp|rcu_barrier)/, 'rcu'],
];
/** A primitive is not deeper than this: what follows is who called it. */
const MAX_FRAMES = 4;

type Waits = Pick<HungtaskEvent, 'stack' | 'lock_kind' | 'in_iowait'>;
type Context = Pick<
  CollectorContext<{ readonly snapshot_interval: number }>,
  'bpf' | 'clock' | 'log' | 'options' | 'state'
>;

const collector: Collector = defineEvent({
  object: hungtask,
  doc: 'Shows which tasks hang in the kernel, where, on which lock, and which others wait at that moment.',
  options: {
    snapshot_interval: duration(
      '1m',
      'Tasks that wait while another one hangs are listed at most this often',
      {
        min: '1s',
      },
    ),
  },
  metrics: {
    timeout: gauge({
      name: 'huatuo_hungtask_timeout_seconds',
      help: 'kernel.hung_task_timeout_secs; with 0, and without this, the agent looks for hung tasks in place of the kernel.',
    }),
  },
  document: {
    wchan: optional(
      keyword("Kernel function that waits: the innermost that is neither the scheduler's nor a lock's"),
    ),
    waits_for: optional(
      keyword(
        'io, mutex, rwsem, percpu_rwsem, semaphore, completion or rcu; absent when neither the kernel nor the stack tells',
      ),
    ),
    hung_task_timeout_secs: optional(
      integer('Limit of the kernel, in seconds; absent when the agent has looked'),
    ),
    waiting_tasks: optional(
      integer('Tasks in uninterruptible sleep at that moment; in the first document of a minute'),
    ),
    waiting_tasks_cut: optional(integer('Those among them that have no document because they are too many')),
  },
  async enrich(event, ctx) {
    Object.assign(event, waitOf(event));
    if (event.role !== 'hung') return event;
    const seconds = event.detected_by === 'kernel' ? hungTaskTimeout(ctx.paths.procfs) : undefined;
    // It may have been changed since it was asked last.
    if (seconds !== undefined) ctx.metrics.timeout.set(seconds);
    return {
      ...event,
      ...(seconds !== undefined && { hung_task_timeout_secs: seconds }),
      ...(await snapshot(ctx)),
    };
  },
  async prepare(object, ctx) {
    const { timeout } = ctx.metrics;
    lookWhereKernelDoesNot(object, ctx, (seconds) => {
      if (seconds !== undefined) timeout.set(seconds);
    }).catch((error: unknown) => ctx.log.warn('the agent does not look for hung tasks', { error }));
  },
});
export default collector;

function waitOf({ stack, lock_kind, in_iowait }: Waits): {
  readonly wchan?: string;
  readonly waits_for?: string;
} {
  const frames = stack.map((frame) => frame.replace(/\+0x[\da-f]+$/, ''));
  const wchan = frames.find((name) => primitiveOf(name) === undefined);
  const waits =
    lockOf(lock_kind) ??
    frames
      .slice(0, MAX_FRAMES)
      .map(primitiveOf)
      .find((found) => found !== undefined) ??
    (in_iowait ? 'io' : undefined);
  return { ...(wchan !== undefined && { wchan }), ...(waits !== undefined && { waits_for: waits }) };
}

function lockOf(kind: HungtaskEvent['lock_kind']): string | undefined {
  return kind === 'rwsem_reader' || kind === 'rwsem_writer' ? 'rwsem' : kind?.toString();
}

function primitiveOf(name: string): string | undefined {
  return PRIMITIVES.find(([pattern]) => pattern.test(name))?.[1];
}

/** `struct snapshot` of the program. */
const SNAPSHOT_BYTES = 16;

/** Has the waiting tasks written to the ring, unless that was done a short while ago. */
async function snapshot({ bpf, clock, log, options, state }: Context): Promise<{
  readonly snapshot_id?: string;
  readonly waiting_tasks?: number;
  readonly waiting_tasks_cut?: number;
}> {
  const now_ns = clock.boottime_ns();
  const due_ns = state.get<bigint>() ?? 0n;
  if (now_ns < due_ns) return {};
  state.set(now_ns + BigInt(Math.round(options.snapshot_interval * 1e9)));
  try {
    const answer = Buffer.from(await (await bpf.load()).iterate('waiting_tasks'));
    if (answer.byteLength !== SNAPSHOT_BYTES) return {};
    return {
      snapshot_id: `0x${answer.readBigUInt64LE(0).toString(16)}`,
      waiting_tasks: answer.readUInt32LE(8),
      waiting_tasks_cut: answer.readUInt32LE(12),
    };
  } catch (error) {
    log.warn('the tasks that wait beside a hung one cannot be listed', { error });
    return {};
  }
}
