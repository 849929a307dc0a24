import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Lifecycle } from '../../src/agent/lifecycle.ts';

test('a reload that is asked for during the start waits for its end', async () => {
  const lifecycle = new Lifecycle();
  const seen: string[] = [];
  const note = async (): Promise<void> => {
    seen.push(lifecycle.phase);
  };
  await Promise.all([lifecycle.run('starting', note), lifecycle.run('reloading', note)]);
  assert.deepEqual([...seen, lifecycle.phase], ['starting', 'reloading', 'up']);
});

test('one that is refused leaves the agent as it was', async () => {
  const lifecycle = new Lifecycle();
  const refuse = (): Promise<never> => Promise.reject(new Error('no'));
  await assert.rejects(lifecycle.run('starting', refuse));
  assert.equal(lifecycle.phase, 'starting');
  await lifecycle.run('starting', async () => undefined);
  await assert.rejects(lifecycle.run('reloading', refuse));
  assert.equal(lifecycle.phase, 'up');
});

test('a stop waits for the reload that is under way, and nothing begins afterwards', async () => {
  const lifecycle = new Lifecycle();
  const step = Promise.withResolvers<void>();
  const begun = Promise.withResolvers<void>();
  const ends: string[] = [];
  const reload = lifecycle.run('reloading', async (stopping) => {
    begun.resolve();
    await step.promise;
    ends.push('reload');
    stopping.throwIfAborted();
  });
  await begun.promise;
  const waiting = lifecycle.run('reloading', () => assert.fail('begun'));
  const stopped = lifecycle.stop().then(() => ends.push('stop'));
  assert.equal(lifecycle.phase, 'stopping');
  step.resolve();
  await assert.rejects(reload, { code: 'CANCELLED' });
  await assert.rejects(waiting, { code: 'CANCELLED' });
  await stopped;
  assert.deepEqual(ends, ['reload', 'stop']);
  await assert.rejects(
    lifecycle.run('reloading', () => assert.fail('begun')),
    { code: 'CANCELLED' },
  );
  assert.equal(lifecycle.phase, 'stopping');
});
