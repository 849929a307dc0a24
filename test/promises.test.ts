import assert from 'node:assert/strict';
import { test } from 'node:test';
import { limitConcurrency, shareInFlight } from '../src/promises.ts';

/** Calls that settle when the test says so. */
function calls() {
  const started: { readonly key: string; readonly settle: PromiseWithResolvers<string> }[] = [];
  const shared = shareInFlight((key) => {
    const settle = Promise.withResolvers<string>();
    started.push({ key, settle });
    return settle.promise;
  });
  return { started, shared };
}

test('calls of one key that come while one is running get its result, those of another key their own', async () => {
  const { started, shared } = calls();
  const answers = Promise.all([shared('a'), shared('a'), shared('b'), shared()]);
  assert.deepEqual(
    started.map(({ key }) => key),
    ['a', 'b', ''],
  );
  for (const { key, settle } of started) settle.resolve(`of ${key}`);
  assert.deepEqual(await answers, ['of a', 'of a', 'of b', 'of ']);
});

test('after a call has settled, well or not, the next one starts anew', async () => {
  const { started, shared } = calls();
  const failing = [shared(), shared()];
  started[0]?.settle.reject(new Error('broken'));
  for (const call of failing) await assert.rejects(call, /broken/);
  const next = shared();
  assert.equal(started.length, 2);
  started[1]?.settle.resolve('whole');
  assert.equal(await next, 'whole');
});

test('so much work runs at a time; the rest follows in its order, also after a failure', async () => {
  const inTurn = limitConcurrency(2);
  const works = Array.from({ length: 4 }, () => Promise.withResolvers<void>());
  const begun: number[] = [];
  const ends = works.map(({ promise }, index) =>
    inTurn(() => {
      begun.push(index);
      return promise;
    }),
  );
  assert.deepEqual(begun, [0, 1]);
  works[1]?.reject(new Error('on purpose'));
  await assert.rejects(ends[1] ?? Promise.resolve(), /on purpose/);
  assert.deepEqual(begun, [0, 1, 2]);
  for (const { resolve } of works) resolve();
  await Promise.allSettled(ends);
  assert.deepEqual(begun, [0, 1, 2, 3]);
});
