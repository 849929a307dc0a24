import assert from 'node:assert/strict';
import { once } from 'node:events';
import test from 'node:test';
import { Worker } from 'node:worker_threads';
import { COMMIT_SLOTS_WORDS, readCommit } from '../../src/decoder/ledger.ts';

test('a watcher in another thread never sees half a commit', async () => {
  const shared = new SharedArrayBuffer(8 * (COMMIT_SLOTS_WORDS + 1));
  const slots = new BigUint64Array(shared, 8);
  const consumer = new BigUint64Array(shared, 0, 1);
  // At position n there are 3 n documents and 5 n malformed records.
  const script = `
    const { workerData } = require('node:worker_threads');
    const consumer = new BigUint64Array(workerData.shared, 0, 1);
    import(workerData.module).then(({ CommitLog }) => {
      const log = new CommitLog(new BigUint64Array(workerData.shared, 8), 0n, (position) =>
        Atomics.store(consumer, 0, position));
      for (let n = 1n; n <= 300_000n; n++) log.commit(n, 3, 5);
    });`;
  const module = new URL('../../src/decoder/ledger.js', import.meta.url).href;
  const worker = new Worker(script, { eval: true, workerData: { shared, module } });
  const ended = once(worker, 'exit');
  let seen = 0;
  while (Atomics.load(consumer, 0) < 300_000n) {
    const commit = readCommit(slots, Atomics.load(consumer, 0));
    if (!commit) continue;
    const { position, journalled, malformed } = commit;
    assert.deepEqual([journalled, malformed], [3n * position, 5n * position]);
    seen += 1;
  }
  await ended;
  assert.ok(seen > 0);
});
