/**
 * Child process of memory.ts: starts one worker after the other, each of which throws. Tells its parent after every so
 * many, and waits until that has measured.
 *
 *   bare      nothing but the throw
 *   koffi     loads koffi and one library
 *   modules   what a collector's worker imports
 */
import { once } from 'node:events';
import { isMainThread, Worker, workerData } from 'node:worker_threads';

const MODULES: Readonly<Record<string, string | undefined>> = {
  koffi: 'koffi',
  modules: '../../src/collector/runtime.js',
};

if (isMainThread) {
  const [kind, lives = '0', every = '1'] = process.argv.slice(2);
  for (let life = 0; life <= Number(lives); life++) {
    if (life % Number(every) === 0) {
      const goOn = once(process, 'message');
      process.send?.('measure');
      await goOn;
    }
    const worker = new Worker(new URL(import.meta.url), { workerData: kind });
    worker.on('error', () => undefined);
    await new Promise((resolve) => worker.once('exit', resolve));
  }
  process.disconnect?.();
} else {
  const module = MODULES[workerData as string];
  if (module) await import(module);
  throw new Error('the end of this worker');
}
