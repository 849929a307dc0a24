import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type CheckedConfig, Reloader } from '../../src/agent/reload.ts';
import { memoryLog } from '../storage/journal/fixture.ts';

const CHECKED = {} as CheckedConfig;

function reloader(read: () => Promise<CheckedConfig>, rest_ms = 0) {
  const counts = { applied: 0, done: 0 };
  const made = new Reloader({
    read,
    apply: async () => ({ touched: [`${++counts.applied}`], unsupported: [] }),
    done: () => void counts.done++,
    log: memoryLog(),
    rest_ms,
  });
  return { made, counts };
}

test('those that ask while one runs share the next one', async () => {
  const gate = Promise.withResolvers<CheckedConfig>();
  const { made, counts } = reloader(() => gate.promise);
  const first = made.reload();
  // The first has begun to read: what it has read may be older than what the others mean.
  await new Promise((resolve) => setImmediate(resolve));
  const others = Array.from({ length: 100 }, () => made.reload());
  gate.resolve(CHECKED);
  assert.equal(await first, 'configuration reloaded: 1');
  assert.deepEqual(new Set(await Promise.all(others)), new Set(['configuration reloaded: 2']));
  assert.deepEqual(counts, { applied: 2, done: 2 });
});

test('between two there is a rest, in which many questions are one', async () => {
  const { made, counts } = reloader(async () => CHECKED, 3_600_000);
  await made.reload();
  for (let i = 0; i < 100; i++) void made.reload();
  for (let i = 0; i < 10; i++) await new Promise((resolve) => setImmediate(resolve));
  assert.equal(counts.applied, 1);
});

test('a refused one is on record, tells all that have asked, and is no reason to refuse the next', async () => {
  let isBroken = true;
  const { made, counts } = reloader(async () => {
    if (isBroken) throw new Error('a tab');
    return CHECKED;
  });
  const asked = [made.reload(), made.reload()];
  for (const one of asked) await assert.rejects(one, { code: 'CONFIG_INVALID', message: /a tab/ });
  assert.equal(made.record.successful, false);
  isBroken = false;
  await made.reload();
  assert.equal(made.record.successful, true);
  assert.deepEqual(counts, { applied: 1, done: 2 });
});

test('what is put in force for another reason is not joined with what the command line names', async () => {
  const { made, counts } = reloader(async () => CHECKED);
  const same = async (): Promise<CheckedConfig> => CHECKED;
  await Promise.all([made.reload(), made.reload(same), made.reload(), made.reload(same)]);
  assert.equal(counts.applied, 2);
});

test('what is put in force for another reason says nothing of the files, which are refused still', async () => {
  const { made } = reloader(() => Promise.reject(new Error('a tab')));
  await assert.rejects(made.reload());
  await made.reload(async () => CHECKED);
  assert.equal(made.record.successful, false);
});
