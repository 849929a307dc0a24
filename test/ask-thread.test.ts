import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { askThread } from '../src/ask-thread.ts';

/** Longer than any thread takes to begin. */
const LONG_MS = 60_000;

function thread(script: string): Worker {
  return new Worker(`const { parentPort } = require('node:worker_threads'); ${script}`, { eval: true });
}

test('a thread that answers has ended when its answer is there', async () => {
  const worker = thread("parentPort.postMessage('seven'); setInterval(() => {}, 1000);");
  assert.equal(await askThread<string>(worker, LONG_MS, 'a number'), 'seven');
  assert.equal(worker.threadId, -1);
});

test('one that throws, ends without a word, or hangs is an error', async () => {
  await assert.rejects(askThread(thread("throw new TypeError('a bug')"), LONG_MS, 'a number'), /a bug/);
  await assert.rejects(askThread(thread('process.exit(3)'), LONG_MS, 'a number'), {
    code: 'WORKER_EXITED',
    message: /^expected a number, found a thread that ended with code 3/,
  });
  await assert.rejects(askThread(thread('setInterval(() => {}, 1000)'), 50, 'a number'), {
    code: 'DEADLINE_EXCEEDED',
  });
});
