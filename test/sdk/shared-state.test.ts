import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { allocateState, SharedState } from '../../src/sdk/shared-state.ts';

test('what one thread has set, the next one gets, as a copy', () => {
  const memory = allocateState();
  const first = new SharedState(memory);
  assert.equal(first.get(), undefined);
  const value = { baseline: new Map([['a', 1n]]), since: new Date(0), list: [1, 2.5, 'ü'] };
  first.set(value);
  value.list.push('later');
  const found = new SharedState(memory).get<typeof value>();
  assert.deepEqual(found, { ...value, list: [1, 2.5, 'ü'] });
  first.set(null);
  assert.equal(new SharedState(memory).get(), null);
});

test('a value that is refused leaves the one before', () => {
  const memory = allocateState();
  const state = new SharedState(memory);
  state.set({ good: true });
  const refused = (found: RegExp) => ({ code: 'COLLECTOR_INVALID', message: found });
  assert.throws(() => state.set({ f: () => 1 }), refused(/state of plain data, found .*could not be cloned/));
  assert.throws(
    () => state.set('x'.repeat(1 << 20)),
    refused(/at most 1048576 bytes, found 10485\d\d bytes/),
  );
  assert.deepEqual(new SharedState(memory).get(), { good: true });
});

test('a thread that ends while it sets leaves one whole value', { timeout: 60_000 }, async () => {
  const memory = allocateState();
  const module = new URL('../../src/sdk/shared-state.js', import.meta.url).href;
  const code = `
    const { workerData, parentPort } = require('node:worker_threads');
    import(${JSON.stringify(module)}).then(({ SharedState }) => {
      const state = new SharedState(workerData);
      for (let n = 0; ; n++) {
        state.set(Array(20000).fill(n));
        if (n === 3) parentPort.postMessage('busy');
      }
    });`;
  for (let round = 0; round < 5; round++) {
    const worker = new Worker(code, { eval: true, workerData: memory });
    await new Promise((resolve) => worker.once('message', resolve));
    await worker.terminate();
    const found = new SharedState(memory).get<number[]>() ?? [];
    assert.equal(found.length, 20_000);
    assert.equal(new Set(found).size, 1);
  }
});

test('who reads while another thread sets gets one whole value', { timeout: 60_000 }, async () => {
  const memory = allocateState();
  const module = new URL('../../src/sdk/shared-state.js', import.meta.url).href;
  const code = `
    const { workerData, parentPort } = require('node:worker_threads');
    import(${JSON.stringify(module)}).then(({ SharedState }) => {
      const state = new SharedState(workerData);
      for (let n = 0; ; n++) {
        state.set(Array(1 + (n % 7) * 5000).fill(n));
        if (n === 3) parentPort.postMessage('busy');
      }
    });`;
  const worker = new Worker(code, { eval: true, workerData: memory });
  await new Promise((resolve) => worker.once('message', resolve));
  const state = new SharedState(memory);
  for (let read = 0; read < 500; read++) {
    const found = state.get<number[]>() ?? [];
    assert.equal(new Set(found).size, 1);
  }
  await worker.terminate();
});
