/**
 * The thread `symbols` (workers/symbols.ts): started for the first task, ended when there has been none for a while.
 *
 * A task reads files of other processes, and a file system of theirs may never answer (FUSE). Such a task is given up at its
 * deadline, and its thread is ended, which the kernel may keep from happening. Two threads that do not end are the most.
 */
import { Worker } from 'node:worker_threads';
import type { SymbolAnswer, SymbolReply, SymbolTask } from '../decoder/symbol-tasks.ts';
import { at } from '../paths.ts';

const REST_MS = 10_000;
const MAX_STUCK = 2;
/** Tables of large binaries: the arrays they are made of are outside this heap. */
const HEAP_MB = 128;

export class SymbolThread {
  #worker: Worker | undefined;
  #rest: NodeJS.Timeout | undefined;
  #tail: Promise<unknown> = Promise.resolve();
  #stuck = 0;

  /**
   * Runs tasks one after the other.
   * @param deadline_ms counted from when it is its turn
   * @param spent called with the CPU time of a task that was answered
   * @returns undefined when it was given up
   */
  run(
    task: SymbolTask,
    deadline_ms: number,
    spent: (cpu_us: number) => void = () => undefined,
  ): Promise<SymbolAnswer | undefined> {
    const reply = this.#tail.then(() => this.#run(task, deadline_ms));
    this.#tail = reply.catch(() => undefined);
    return reply.then((given) => {
      if (given) spent(given.cpu_us);
      return given?.answer;
    });
  }

  async #run(task: SymbolTask, deadline_ms: number): Promise<SymbolReply | undefined> {
    if (this.#stuck >= MAX_STUCK) return undefined;
    clearTimeout(this.#rest);
    this.#worker ??= start();
    const worker = this.#worker;
    const { promise, resolve } = Promise.withResolvers<SymbolReply | undefined>();
    const answered = (reply: SymbolReply): void => resolve(reply);
    const ended = (): void => resolve(undefined);
    const timer = setTimeout(ended, deadline_ms);
    worker.once('message', answered).once('exit', ended);
    worker.postMessage(task);
    const reply = await promise;
    clearTimeout(timer);
    worker.off('message', answered).off('exit', ended);
    if (reply) this.#rest = setTimeout(() => this.#end(), REST_MS).unref();
    else this.#end();
    return reply;
  }

  #end(): void {
    const worker = this.#worker;
    if (!worker) return;
    this.#worker = undefined;
    this.#stuck += 1;
    void worker.terminate().then(() => {
      this.#stuck -= 1;
    });
  }
}

function start(): Worker {
  const worker = new Worker(at('dist/workers/symbols.js'), {
    name: 'symbols',
    resourceLimits: { maxOldGenerationSizeMb: HEAP_MB, maxYoungGenerationSizeMb: 2, stackSizeMb: 4 },
  });
  // Its exit says enough.
  worker.on('error', () => {});
  worker.unref();
  return worker;
}
