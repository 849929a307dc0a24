/** Thread of worker-actor.test.ts: does what it is told over its control port, and beats while its loop turns. */
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { expose } from '../../src/actor/rpc.ts';
import { HuatuoError } from '../../src/error.ts';

export interface ChildData {
  readonly control: MessagePort;
  readonly beats: SharedArrayBuffer;
  /** Fails before it runs. */
  readonly failsToStart: boolean;
}

export interface ChildControl {
  fail(how: 'throw' | 'permanent' | 'exit' | 'loop'): void;
  /** Ends in good order; `never` does not answer. */
  stop(how: 'at once' | 'never'): Promise<void>;
}

/** What the heart says once the thread loops. */
const LOOPING = 1 << 30;

const { control, beats, failsToStart } = workerData as ChildData;
const heart = new Int32Array(beats);
const beat = (): unknown => Atomics.add(heart, 0, 1);

const permanent = (): HuatuoError =>
  new HuatuoError('BTF_MISSING', { expected: 'BTF', found: 'none', remedy: 'use another kernel' });

if (failsToStart) throw permanent();

const api: ChildControl = {
  fail(how) {
    // In a turn of its own: what it throws is then the thread's, not the call's.
    setImmediate(() => {
      if (how === 'throw') throw new TypeError('a bug');
      if (how === 'permanent') throw permanent();
      if (how === 'exit') process.exit(7);
      Atomics.store(heart, 0, LOOPING);
      for (;;);
    });
  },
  stop: (how) => (how === 'never' ? new Promise(() => undefined) : Promise.resolve()),
};
expose(api, control);
beat();
setInterval(beat, 10);
parentPort?.postMessage('running');
