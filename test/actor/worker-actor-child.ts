/** Thread of worker-actor.test.ts: does what it is told over its control port, and answers while its loop turns. */
import { readFileSync } from 'node:fs';
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { answerHeartbeat } from '../../src/actor/heartbeat.ts';
import { expose } from '../../src/actor/rpc.ts';
import { HuatuoError } from '../../src/error.ts';

export interface ChildData {
  readonly control: MessagePort;
  readonly stats: SharedArrayBuffer;
  /** Set when it loops. */
  readonly loops: SharedArrayBuffer;
  /** Fails before it runs. */
  readonly failsToStart: boolean;
}

export interface ChildControl {
  fail(how: 'throw' | 'permanent' | 'exit' | 'loop'): void;
  /** Keeps buffers of so many bytes alive, and says that it has them. */
  leak(bytes: number): void;
  /** Is in a system call until a FIFO that has a writer has none. */
  getStuck(fifo: string): void;
  /** Ends in good order; `never` does not answer. */
  stop(how: 'at once' | 'never'): Promise<void>;
}

const { control, stats, loops, failsToStart } = workerData as ChildData;

const permanent = (): HuatuoError =>
  new HuatuoError('BTF_MISSING', { expected: 'BTF', found: 'none', remedy: 'use another kernel' });

if (failsToStart) throw permanent();

const held: Buffer[] = [];

const api: ChildControl = {
  getStuck: (fifo) => void setImmediate(() => readFileSync(fifo, 'utf8')),
  leak: (bytes) => void held.push(Buffer.alloc(bytes)),
  fail(how) {
    // In a turn of its own: what it throws is then the thread's, not the call's.
    setImmediate(() => {
      if (how === 'throw') throw new TypeError('a bug');
      if (how === 'permanent') throw permanent();
      if (how === 'exit') process.exit(7);
      Atomics.store(new Int32Array(loops), 0, 1);
      for (;;);
    });
  },
  stop: (how) => (how === 'never' ? new Promise(() => undefined) : Promise.resolve()),
};
expose(api, control);
answerHeartbeat(stats);
parentPort?.postMessage('running');
