import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SymbolThread } from '../../src/kernel/symbol-thread.ts';

const LONG_MS = 60_000;

test('tasks that come at once are answered one after the other, each its own', async () => {
  const thread = new SymbolThread();
  const versions = [3, 4, 5];
  const answers = await Promise.all(
    versions.map((version) => thread.run({ type: 'kernel', procfs: '/nonexistent', version }, LONG_MS)),
  );
  assert.deepEqual(
    answers.map((answer) => (answer?.type === 'kernel' ? answer.symbols.version : undefined)),
    versions,
  );
});

test('a task past its deadline is given up, and the next one gets a new thread', async () => {
  const thread = new SymbolThread();
  assert.equal(await thread.run({ type: 'kernel', procfs: '/proc', version: 1 }, 0), undefined);
  const answer = await thread.run({ type: 'kernel', procfs: '/nonexistent', version: 2 }, LONG_MS);
  assert.ok(answer?.type === 'kernel');
  assert.equal(answer.symbols.version, 2);
});
