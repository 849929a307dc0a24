/**
 * Tasks that are asked for at the same moment, as by a scrape or at the start, go to a thread as one job, or to two threads when they
 * take long: to pass on a task costs as much as most of them take, and a thread that few need as much as a hundred of them. No
 * collector has less for it than with a job of its own:
 *
 *   job [a b c d] ── b takes long, or ends the thread ──► b goes on, or has failed; a c d begin anew, each as its own job
 *
 * What had run already has run twice then, as it does when an answer comes too late. A task that waits for the main thread (netlink) lets
 * the next one begin meanwhile.
 */
import type { FileTask, FileTaskResult } from './file-task.ts';

/** A task that is under way for as long is not waited for by the others. Most take a few of them. */
const SLOW_MS = 250;
/** What took longer altogether is shared between two threads the next time: a second one is worth waking then. */
const MUCH_MS = 20;
/** In place of the number of tasks that were begun: no other one may begin. */
const CLOSED = -1;

/** What a thread gets. */
export interface PoolJob {
  readonly tasks: readonly FileTask[];
  /**
   * [0] how many tasks the thread has begun, or the number of the one that it waits for; `CLOSED` ends the job behind the one that is
   * under way, [1] has the number then.
   */
  readonly begun: Int32Array<SharedArrayBuffer>;
}

export function newJob(tasks: readonly FileTask[]): PoolJob {
  return { tasks, begun: new Int32Array(new SharedArrayBuffer(2 * Int32Array.BYTES_PER_ELEMENT)) };
}

/** Takes the next task, in the thread. @returns false when it is not to begin */
export function begin({ begun }: PoolJob, index: number): boolean {
  return Atomics.compareExchange(begun, 0, index, index + 1) === index;
}

/** All were begun, and this one waits for an answer of the main thread still, in the thread. */
export function waits({ begun }: PoolJob, index: number): void {
  const before = Atomics.load(begun, 0);
  if (before !== CLOSED) Atomics.compareExchange(begun, 0, before, index + 1);
}

/** No other task begins. @returns the place of the one that is under way, or ran last; -1 when none has begun */
function close({ begun }: PoolJob): number {
  const before = Atomics.exchange(begun, 0, CLOSED);
  if (before !== CLOSED) Atomics.store(begun, 1, before);
  return Atomics.load(begun, 1) - 1;
}

/** The task that is under way, or ran last; undefined when none has begun. */
export function underWay({ tasks, begun }: PoolJob): FileTask | undefined {
  const count = Atomics.load(begun, 0);
  return tasks[(count === CLOSED ? Atomics.load(begun, 1) : count) - 1];
}

/** Runs a job. @throws what became of the task that was under way, or of all when none was */
type RunJob = (job: PoolJob, deadline_ms: number) => Promise<readonly FileTaskResult[]>;

interface Waiting extends PromiseWithResolvers<FileTaskResult> {
  readonly task: FileTask;
}

export class Batch {
  readonly #run: RunJob;
  /** By deadline. */
  readonly #waiting = new Map<number, Waiting[]>();
  /** Whether the last job, or both halves of it, had much to do. */
  #isMuch = false;

  constructor(run: RunJob) {
    this.#run = run;
  }

  /** Runs a task with those that are added in the same turn of the loop. @throws what became of it */
  add(task: FileTask, deadline_ms: number): Promise<FileTaskResult> {
    const together = this.#waiting.get(deadline_ms) ?? [];
    if (together.length === 0) {
      this.#waiting.set(deadline_ms, together);
      setImmediate(() => {
        this.#waiting.delete(deadline_ms);
        const jobs = this.#isMuch && together.length > 1 ? 2 : 1;
        for (let job = 0; job < jobs; job++)
          void this.#start(
            together.filter((_, index) => index % jobs === job),
            deadline_ms,
            jobs,
          );
      });
    }
    const waiting = { task, ...Promise.withResolvers<FileTaskResult>() };
    together.push(waiting);
    return waiting.promise;
  }

  /** @param jobs how many share what was asked for */
  async #start(together: readonly Waiting[], deadline_ms: number, jobs: number): Promise<void> {
    const start_ms = performance.now();
    const end_ms = start_ms + deadline_ms;
    const job = newJob(together.map(({ task }) => task));
    let seen = 0;
    let isApart = false;
    const apart = (): void => {
      if (isApart) return;
      isApart = true;
      const last = close(job);
      for (const [index, { task, resolve }] of together.entries())
        if (index !== last) resolve(this.#alone(task, Math.max(1, end_ms - performance.now())));
    };
    const watch = setInterval(() => {
      const begun = Atomics.load(job.begun, 0);
      if (begun === seen && begun > 0) apart();
      seen = begun;
    }, SLOW_MS);
    try {
      const results = await this.#run(job, deadline_ms);
      for (const [index, result] of results.entries()) together[index]?.resolve(result);
    } catch (error) {
      if (underWay(job)) apart();
      // Those that are set apart have their promise already.
      for (const { reject } of together) reject(error);
    } finally {
      this.#isMuch = (performance.now() - start_ms) * jobs > MUCH_MS;
      clearInterval(watch);
    }
  }

  /** Runs a task by itself. @throws what became of it */
  async #alone(task: FileTask, deadline_ms: number): Promise<FileTaskResult> {
    const [result] = await this.#run(newJob([task]), deadline_ms);
    return result as FileTaskResult;
  }
}
