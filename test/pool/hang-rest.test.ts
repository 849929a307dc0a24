import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HuatuoError } from '../../src/error.ts';
import { HangRest } from '../../src/pool/hang-rest.ts';

test('the tasks of one collector run one after the other, also after one that failed', async () => {
  const rest = new HangRest('tested');
  const log: string[] = [];
  const first = Promise.withResolvers<void>();
  const one = rest.run(async () => {
    log.push('one begins');
    await first.promise;
    log.push('one fails');
    throw new Error('a bug');
  });
  const two = rest.run(async () => log.push('two'));
  await Promise.resolve();
  first.resolve();
  await assert.rejects(one, /a bug/);
  await two;
  assert.deepEqual(log, ['one begins', 'one fails', 'two']);
});

test('a collector that hung rests: its tasks are refused, and not run', async () => {
  const rest = new HangRest('tested');
  const late = new HuatuoError('DEADLINE_EXCEEDED', { found: 'no result', remedy: 'see what it waits for' });
  await assert.rejects(
    rest.run(() => Promise.reject(late)),
    late,
  );
  await assert.rejects(
    rest.run(() => assert.fail()),
    { code: 'DEADLINE_EXCEEDED', message: /tested hung 1 times.*again in 10 s/ },
  );
});
