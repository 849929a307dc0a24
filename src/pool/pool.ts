/**
 * The threads that run collectors over files: a piscina pool of one or two, each job with a deadline.
 *
 * A job past its deadline is ended together with its thread; piscina starts another one. `atomics` is disabled because
 * the waiting it does otherwise stops timers and I/O of the thread between two tasks.
 */
import type { MessagePort, ResourceLimits } from 'node:worker_threads';
import { Piscina } from 'piscina';
import { HuatuoError } from '../error.ts';
import type { LogConfig } from '../log.ts';
import { at } from '../paths.ts';
import type { HostPaths } from '../sdk/context.ts';
import { Batch, type PoolJob, underWay } from './batch.ts';
import type { FileTask, FileTaskResult, PoolCollector } from './file-task.ts';

/** Given to every thread as `workerData`. */
export interface FilePoolOptions {
  readonly paths: HostPaths;
  readonly log: LogConfig;
}

const MAX_THREADS = 2;
/** A thread beyond the first ends after this rest: longer than usual scrape intervals, so it is not made anew for each. */
const IDLE_TIMEOUT_MS = 90_000;
/** Tasks that wait; a hundred collectors with a scrape and a sample each. */
const MAX_QUEUE = 200;
/** Its young generation would else grow to several megabytes at the first scrape, and stay so. */
const LIMITS: ResourceLimits = { maxOldGenerationSizeMb: 96, maxYoungGenerationSizeMb: 2 };

/** Successful results; failures are thrown. */
type FileTaskAnswer<Type extends FileTaskResult['type']> = Extract<FileTaskResult, { readonly type: Type }>;
const ANSWERS = { describe: 'described', take: 'taken', update: 'updated', look: 'looked' } as const;

export class FilePool implements AsyncDisposable {
  readonly #options: FilePoolOptions;
  readonly #answerNetlink: (port: MessagePort) => void;
  #piscina: Piscina<PoolJob, readonly FileTaskResult[]>;
  /** Of the modules that were run so far, by path. */
  readonly #contents = new Map<string, string>();
  /** Each kind by itself: it knows how long the last ones took. */
  readonly #batches: Readonly<Record<FileTask['type'], Batch>> = {
    describe: this.#newBatch(),
    take: this.#newBatch(),
    update: this.#newBatch(),
    look: this.#newBatch(),
  };

  /** @param answerNetlink is given a port on which a thread asks for what `NetlinkRequests` has */
  constructor(options: FilePoolOptions, answerNetlink: (port: MessagePort) => void) {
    this.#options = options;
    this.#answerNetlink = answerNetlink;
    this.#piscina = this.#start();
  }

  /** A module is imported once in a thread: what was rebuilt is only run by threads that start now. */
  #renewFor({ modulePath, contents }: PoolCollector): void {
    const known = this.#contents.get(modulePath) ?? contents;
    this.#contents.set(modulePath, contents);
    if (known === contents) return;
    const former = this.#piscina;
    this.#piscina = this.#start();
    // A task that hangs is ended by its own deadline.
    void former.close().catch(() => {});
  }

  #start(): Piscina<PoolJob, readonly FileTaskResult[]> {
    const piscina = new Piscina<PoolJob, readonly FileTaskResult[]>({
      filename: at('dist/workers/task.js'),
      name: 'default',
      minThreads: 1,
      maxThreads: MAX_THREADS,
      idleTimeout: IDLE_TIMEOUT_MS,
      maxQueue: MAX_QUEUE,
      atomics: 'disabled',
      recordTiming: false,
      resourceLimits: LIMITS,
      workerData: this.#options,
    });
    // An idle thread that dies has no task to reject; the pool has replaced it already.
    piscina.on('error', () => {});
    // The one thing that a thread says beside its results (workers/task.ts).
    piscina.on('message', (port: MessagePort) => this.#answerNetlink(port));
    return piscina;
  }

  /**
   * Runs one task.
   * @param deadline_ms counted from now, waiting for a thread included
   * @throws DEADLINE_EXCEEDED, OVERLOADED when no thread had time for it until then, whatever the task failed with, or
   * COLLECTOR_FAILED when its thread died or the queue is full
   */
  async run<Task extends FileTask>(
    task: Task,
    deadline_ms: number,
  ): Promise<FileTaskAnswer<(typeof ANSWERS)[Task['type']]>> {
    this.#renewFor(task.collector);
    const result = await this.#batches[task.type].add(task, deadline_ms);
    if (result.type === 'failed') throw HuatuoError.fromWire(result.error);
    return result as FileTaskAnswer<(typeof ANSWERS)[Task['type']]>;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#piscina.destroy();
  }

  #newBatch(): Batch {
    return new Batch((job, deadline_ms) => this.#submit(job, deadline_ms));
  }

  async #submit(job: PoolJob, deadline_ms: number): Promise<readonly FileTaskResult[]> {
    // Ends with the job: AbortSignal.timeout() would keep its timer for the whole deadline.
    const late = new AbortController();
    const { signal } = late;
    const timer = setTimeout(() => late.abort(), deadline_ms);
    try {
      return await this.#piscina.run(job, { signal });
    } catch (cause) {
      const begun = underWay(job);
      const { type, collector } = begun ?? job.tasks[0]!;
      const what = `${type} of collector ${collector.name}`;
      if (!signal.aborted)
        throw HuatuoError.from(
          cause,
          'COLLECTOR_FAILED',
          `its thread was replaced; check collector ${collector.name}`,
        );
      if (!begun)
        throw new HuatuoError('OVERLOADED', {
          expected: `a thread for ${what} within ${deadline_ms} ms`,
          found: 'all of them busy with other collectors',
          remedy: 'it is tried again next time; see which collectors hang',
          cause,
        });
      throw new HuatuoError('DEADLINE_EXCEEDED', {
        expected: `${what} within ${deadline_ms} ms`,
        found: 'no result',
        remedy: 'its task was ended; check what it reads, or raise web.scrape_timeout',
        cause,
      });
    } finally {
      clearTimeout(timer);
    }
  }
}
