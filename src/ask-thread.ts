/** A thread that is asked one thing, and ends: what it loads for that ends with it. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Worker } from 'node:worker_threads';
import { HuatuoError } from './error.ts';
import { withDeadline } from './promises.ts';

/** How long its end is waited for. A thread that is stuck in a system call ends when the kernel lets it go. */
const TERMINATE_MS = 1000;

/**
 * @param worker posts its answer; ended when this settles
 * @param what is asked, for the error
 * @throws what ended the thread, DEADLINE_EXCEEDED, or WORKER_EXITED when it ends without a word
 */
export async function askThread<Answer>(worker: Worker, deadline_ms: number, what: string): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  worker.once('message', resolve).once('error', reject);
  worker.once('exit', (code) =>
    reject(
      new HuatuoError('WORKER_EXITED', {
        expected: what,
        found: `a thread that ended with code ${code} before it had it`,
        remedy: 'report it with the log at level debug',
      }),
    ),
  );
  try {
    return await withDeadline(
      promise,
      deadline_ms,
      what,
      'look for a file it reads on a file system that hangs',
    );
  } finally {
    worker.unref();
    await Promise.race([worker.terminate(), sleep(TERMINATE_MS, undefined, { ref: false })]);
  }
}
