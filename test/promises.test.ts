import assert from 'node:assert/strict';
import { test } from 'node:test';
import { shareInFlight } from '../src/promises.ts';

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
