import assert from 'node:assert/strict';
import test from 'node:test';
import { Worker } from 'node:worker_threads';
import { ActorStats } from '../../src/actor/stats.ts';

test('numbers keep their fields apart and hold 64 bits, negative ones too', () => {
  const vitals = new ActorStats(ActorStats.allocate());
  vitals.set('documents', 2n ** 62n);
  vitals.add('documents', 1);
  vitals.add('in_flight_bytes', -5);
  assert.equal(vitals.get('documents'), 2n ** 62n + 1n);
  assert.equal(vitals.get('in_flight_bytes'), -5n);
  assert.equal(vitals.get('ring_bytes'), 0n);
  assert.equal(vitals.heartbeat, 0);
});

test('a high-water mark only rises', () => {
  const vitals = new ActorStats(ActorStats.allocate());
  const marks = [3n, 7n, 5n].map((value) => {
    vitals.raise('ring_high_water_bytes', value);
    return vitals.get('ring_high_water_bytes');
  });
  assert.deepEqual(marks, [3n, 7n, 7n]);
});

test('the heartbeat goes on past the end of its integer: any change is a sign of life', () => {
  const shared = ActorStats.allocate();
  const vitals = new ActorStats(shared);
  new Int32Array(shared)[0] = 2 ** 31 - 1;
  const before = vitals.heartbeat;
  vitals.beat();
  assert.notEqual(vitals.heartbeat, before);
});

test('what a worker writes is read without asking it, also when it is gone', async () => {
  const shared = ActorStats.allocate();
  const module = new URL('../../src/actor/stats.js', import.meta.url).href;
  const code = `
    import { workerData } from 'node:worker_threads';
    const { ActorStats } = await import(workerData.module);
    const vitals = new ActorStats(workerData.shared);
    vitals.beat();
    vitals.set('busy_heads', 42n);`;
  const url = new URL(`data:text/javascript,${encodeURIComponent(code)}`);
  const worker = new Worker(url, { workerData: { shared, module } });
  await new Promise((resolve, reject) => worker.on('exit', resolve).on('error', reject));
  const vitals = new ActorStats(shared);
  assert.deepEqual([vitals.heartbeat, vitals.get('busy_heads')], [1, 42n]);
});
