/**
 * The thread `symbols` (workers/symbols.ts): started for the first task, ended when there has been none for a while.
 *
 * A task reads files of other processes, and a file system of theirs may never answer (FUSE). Such a task is given up at its
 * deadline, and its thread is ended, which the kernel may keep from happening. Two threads that do not end are the most. On a host
 * that is full of work, which is when profiles are asked for, the thread may not be done by then for want of CPU time alone: as
 * long as it is at work it has more.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import type { SymbolAnswer, SymbolReply, SymbolTask } from '../decoder/symbol-tasks.ts';
import { at } from '../paths.ts';

const REST_MS = 10_000;
const MAX_STUCK = 2;
/** Deadlines that a task has whose thread is at work. */
const MAX_DEADLINES = 12;
const NAME = 'symbols';
/** Tables of large binaries: the arrays they are made of are outside this heap. */
const HEAP_MB = 128;

export class SymbolThread {
  #worker: Worker | undefined;
  #rest: NodeJS.Timeout | undefined;
  #tail: Promise<unknown> = Promise.resolve();
  #stuck = 0;

  /**
   * Runs tasks one after the other.
   * @param deadline_ms counted from when it is its turn; begins anew while the thread is at work, twelve times at most
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
    worker.once('message', answered).once('exit', ended);
    worker.postMessage(task);
    let before = lookAtThreads();
    let deadlines = 0;
    const timer = setInterval(() => {
      const now = lookAtThreads();
      deadlines += 1;
      if (deadlines >= MAX_DEADLINES || !isAtWork(before, now)) ended();
      before = now;
    }, deadline_ms);
    const reply = await promise;
    clearInterval(timer);
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
    name: NAME,
    resourceLimits: { maxOldGenerationSizeMb: HEAP_MB, maxYoungGenerationSizeMb: 2, stackSizeMb: 4 },
  });
  // Its exit says enough.
  worker.on('error', () => {});
  worker.unref();
  return worker;
}

interface ThreadLook {
  readonly isRunnable: boolean;
  /** Of schedstat; 0 where the kernel keeps none. */
  readonly ran_ns: bigint;
}

/** Those of that name by their kernel ids; one that is stuck beside the newest neither runs nor wants to. */
function lookAtThreads(): ReadonlyMap<string, ThreadLook> {
  const tasks = '/proc/self/task';
  const found = new Map<string, ThreadLook>();
  for (const tid of readdirSync(tasks)) {
    try {
      const stat = readFileSync(`${tasks}/${tid}/stat`, 'utf8');
      if (!stat.startsWith(`${tid} (${NAME}) `)) continue;
      const [ran_ns = 0] = readFileSync(`${tasks}/${tid}/schedstat`, 'utf8').split(' ', 1);
      found.set(tid, { isRunnable: stat.startsWith(`${tid} (${NAME}) R`), ran_ns: BigInt(ran_ns) });
    } catch {
      // It ended between the two reads, or the kernel has no schedstat.
    }
  }
  return found;
}

/** Whether one runs, waits for a CPU, or has run since. */
function isAtWork(before: ReadonlyMap<string, ThreadLook>, now: ReadonlyMap<string, ThreadLook>): boolean {
  return [...now].some(
    ([tid, { isRunnable, ran_ns }]) => isRunnable || ran_ns > (before.get(tid)?.ran_ns ?? 0n),
  );
}
