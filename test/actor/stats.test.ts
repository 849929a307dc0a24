import assert from 'node:assert/strict';
import test from 'node:test';
import { Worker } from 'node:worker_threads';
import { ActorStats } from '../../src/actor/stats.ts';

test('numbers keep their fields apart and hold 64 bits, negative ones too', () => {
  const stats = new ActorStats(ActorStats.allocate());
  stats.set('documents', 2n ** 62n);
  stats.add('documents', 1);
  stats.add('in_flight_bytes', -5);
  assert.equal(stats.get('documents'), 2n ** 62n + 1n);
  assert.equal(stats.get('in_flight_bytes'), -5n);
  assert.equal(stats.get('ring_bytes'), 0n);
});

test('a high-water mark only rises', () => {
  const stats = new ActorStats(ActorStats.allocate());
  const marks = [3n, 7n, 5n].map((value) => {
    stats.raise('ring_high_water_bytes', value);
    return stats.get('ring_high_water_bytes');
  });
  assert.deepEqual(marks, [3n, 7n, 7n]);
});

test('what a worker writes is read without asking it, also when it is gone', async () => {
  const shared = ActorStats.allocate();
  const module = new URL('../../src/actor/stats.js', import.meta.url).href;
  const code = `
    import { workerData } from 'node:worker_threads';
    const { ActorStats } = await import(workerData.module);
    const stats = new ActorStats(workerData.shared);
    stats.set('busy_heads', 42n);`;
  const url = new URL(`data:text/javascript,${encodeURIComponent(code)}`);
  const worker = new Worker(url, { workerData: { shared, module } });
  await new Promise((resolve, reject) => worker.on('exit', resolve).on('error', reject));
  const stats = new ActorStats(shared);
  assert.equal(stats.get('busy_heads'), 42n);
});
