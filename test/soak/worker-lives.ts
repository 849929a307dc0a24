/**
 * Child process of memory.ts: starts one worker after the other, each of which throws. Tells its parent after every so
 * many, and waits until that has measured.
 *
 *   bare      nothing but the throw
 *   koffi     imports koffi
 *   modules   imports what a collector's worker does
 */
import { once } from 'node:events';
import { isMainThread, Worker, workerData } from 'node:worker_threads';

const KINDS: Readonly<Record<string, () => Promise<unknown>>> = {
  bare: async () => undefined,
  koffi: () => import('koffi'),
  modules: () => import('../../src/collector/runtime.ts'),
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
  await KINDS[workerData as string]?.();
  throw new Error('the end of this worker');
}
