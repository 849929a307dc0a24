/** Has a module described by a short-lived thread: whatever its top level does, it does it there. */
import { Worker } from 'node:worker_threads';
import { HuatuoError } from '../error.ts';
import { at } from '../paths.ts';
import type { Described } from './description.ts';

/** A module whose top level awaits something that never comes must not keep the agent from starting. */
const DEADLINE_MS = 5_000;
const LIMITS = { maxOldGenerationSizeMb: 64, maxYoungGenerationSizeMb: 4, stackSizeMb: 4 };
/** Threads at one time; a directory may hold a hundred modules. */
const MAX_THREADS = 2;

/** Compiled, also when the build asks, which runs from the sources. */
const ENTRY = at('dist/workers/describe.js');

let free = MAX_THREADS;
const waiting: (() => void)[] = [];

/**
 * Imports the module in a thread of its own.
 * @returns its default export as JSON, not checked
 * @throws HuatuoError COLLECTOR_INVALID when it throws, exits, hangs or uses too much memory
 */
export async function askModule(modulePath: string): Promise<unknown> {
  if (free === 0) await new Promise<void>((resolve) => waiting.push(resolve));
  else free -= 1;
  try {
    const answer = await describe(modulePath);
    if (answer.type === 'failed') throw invalid(modulePath, answer.reason);
    return JSON.parse(answer.json);
  } finally {
    const next = waiting.shift();
    if (next) next();
    else free += 1;
  }
}

function describe(modulePath: string): Promise<Described> {
  const worker = new Worker(ENTRY, { workerData: modulePath, resourceLimits: LIMITS, name: 'describe' });
  const outcome = Promise.withResolvers<Described>();
  const fail = (reason: string): void => outcome.resolve({ type: 'failed', reason });
  const deadline = setTimeout(
    () => fail(`its top level did not finish within ${DEADLINE_MS / 1000} s`),
    DEADLINE_MS,
  );
  worker.on('message', (answer: Described) => outcome.resolve(answer));
  worker.on('error', (error: unknown) => fail(error instanceof Error ? error.message : String(error)));
  worker.on('exit', (code) => fail(endedWith(code)));
  return outcome.promise.finally(() => {
    clearTimeout(deadline);
    // Not waited for: a thread that is stuck in a system call ends when the kernel lets it go.
    void worker.terminate();
    worker.unref();
  });
}

/** Node's code for a top level that awaits something when nothing is left that could bring it. */
const UNSETTLED_AWAIT = 13;

function endedWith(code: number): string {
  if (code === UNSETTLED_AWAIT) return 'its top level awaits what never comes';
  return `its top level ended the thread with code ${code}`;
}

function invalid(modulePath: string, reason: string): HuatuoError {
  return new HuatuoError('COLLECTOR_INVALID', {
    expected: `a module in ${modulePath}`,
    found: reason,
    remedy: 'correct it',
  });
}
