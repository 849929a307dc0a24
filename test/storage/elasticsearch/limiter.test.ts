import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Limiter, type Release } from '../../../src/storage/elasticsearch/limiter.ts';

const never = new AbortController().signal;

async function grow(limiter: Limiter, successes: number): Promise<void> {
  for (let n = 0; n < successes; n++) (await limiter.acquire(never))({ kind: 'ok' });
}

test('one request at first, more with each round that goes well, never more than allowed', async () => {
  const limiter = new Limiter(3);
  assert.equal(limiter.limit, 1);
  await grow(limiter, 1);
  assert.equal(limiter.limit, 2);
  await grow(limiter, 100);
  assert.equal(limiter.limit, 3);
  limiter.close();
});

test('half of them after a refusal, one while the server is away', async () => {
  const limiter = new Limiter(8, () => 0);
  await grow(limiter, 100);
  (await limiter.acquire(never))({ kind: 'overload' });
  assert.equal(limiter.limit, 4);
  (await limiter.acquire(never))({ kind: 'down' });
  assert.equal(limiter.limit, 1);
  assert.equal(limiter.failures, 2);
  await grow(limiter, 1);
  assert.equal(limiter.failures, 0);
  limiter.close();
});

test('who comes first starts first; a place is free when it is given back', async () => {
  const limiter = new Limiter(1);
  const order: number[] = [];
  const first = await limiter.acquire(never);
  const later = [1, 2].map((n) =>
    limiter.acquire(never).then((release: Release) => {
      order.push(n);
      release({ kind: 'unused' });
    }),
  );
  assert.deepEqual(order, []);
  first({ kind: 'unused' });
  await Promise.all(later);
  assert.deepEqual(order, [1, 2]);
  limiter.close();
});

test('who is told to stop waits no longer, and takes no place', async () => {
  const limiter = new Limiter(1);
  const first = await limiter.acquire(never);
  const stop = new AbortController();
  const waiting = limiter.acquire(stop.signal);
  stop.abort(new Error('stop'));
  await assert.rejects(waiting, /stop/);
  first({ kind: 'ok' });
  (await limiter.acquire(never))({ kind: 'ok' });
  limiter.close();
});

test('a server that says when it wants to be asked again is not asked earlier', async () => {
  const limiter = new Limiter(1, () => 0);
  (await limiter.acquire(never))({ kind: 'overload', retryAfter_ms: 3_600_000 });
  const stop = new AbortController();
  let started = false;
  const waiting = limiter.acquire(stop.signal).then(() => {
    started = true;
  });
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(started, false);
  stop.abort(new Error('stop'));
  await assert.rejects(waiting, /stop/);
  limiter.close();
});
