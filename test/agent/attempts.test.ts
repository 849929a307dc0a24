import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Attempts } from '../../src/agent/attempts.ts';
import { memoryLog } from '../storage/journal/fixture.ts';

const fail = (): never => {
  throw new Error('EMFILE');
};

test('what fails of a collector is left out, counted, and in the log each time that it begins', async () => {
  const log = memoryLog();
  const attempts = new Attempts('oom', log);
  assert.equal(attempts.try('reading its ledger', fail), undefined);
  assert.equal(attempts.try('reading its ledger', fail), undefined);
  assert.equal(await attempts.tryLater('letting go', async () => fail()), undefined);
  assert.equal(
    attempts.try('reading its ledger', () => 3),
    3,
  );
  assert.equal(attempts.try('reading its ledger', fail), undefined);
  assert.equal(attempts.failures, 4);
  assert.deepEqual(log.lines, [
    'warn oom: reading its ledger failed',
    'warn oom: letting go failed',
    'warn oom: reading its ledger failed',
  ]);
});
