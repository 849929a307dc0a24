/** The journal's own thread: control calls, start failures, heartbeat. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { MessageChannel, Worker } from 'node:worker_threads';
import { Heartbeat } from '../../../src/actor/heartbeat.ts';
import { type Remote, transferPort, wrap } from '../../../src/actor/rpc.ts';
import { ActorStats } from '../../../src/actor/stats.ts';
import { withDeadline } from '../../../src/promises.ts';
import type { JournalControl } from '../../../src/storage/journal/actor.ts';
import { eventually } from '../../support/eventually.ts';
import { journalOptions, lines, streamText, tempDirectory } from './fixture.ts';

const QUIET = { level: 'error', format: 'json' } as const;

interface Thread extends AsyncDisposable {
  readonly worker: Worker;
  readonly control: Remote<JournalControl>;
  readonly heartbeat: Heartbeat;
}

function startThread(directory: string): Thread {
  const { port1, port2 } = new MessageChannel();
  const stats = ActorStats.allocate();
  const worker = new Worker(new URL('../../../workers/journal.js', import.meta.url), {
    workerData: { name: 'journal', options: journalOptions(directory), control: port2, log: QUIET, stats },
    transferList: [port2],
  });
  return {
    worker,
    control: wrap<JournalControl>(port1),
    heartbeat: new Heartbeat(stats),
    [Symbol.asyncDispose]: async () => {
      port1.close();
      await worker.terminate();
    },
  };
}

test('a collector is connected over the control port; flush, status and close answer', async () => {
  using temp = tempDirectory();
  await using thread = startThread(temp.path);
  const { port1, port2 } = new MessageChannel();
  await thread.control.connect('oom', transferPort(port2));
  const buffer = new ArrayBuffer(lines(2).length);
  new Uint8Array(buffer).set(lines(2));
  port1.postMessage(
    { type: 'batch', sequence: 1, tracer: 'oom', buffer, bytes: buffer.byteLength, documents: 2 },
    [buffer],
  );
  const [{ type }] = await once(port1, 'message');
  assert.equal(type, 'ack');
  await withDeadline(thread.control.flush(), 10_000, 'flush');
  const { tracers } = await thread.control.status();
  assert.equal(tracers.oom?.documents, 2);
  assert.notEqual(tracers.oom?.fsync_age_ms, null);
  await withDeadline(thread.control.close(), 10_000, 'close');
  assert.equal(streamText(temp.path, 'oom'), lines(2).toString());
});

test('the heartbeat is answered while the loop turns', async () => {
  using temp = tempDirectory();
  await using thread = startThread(temp.path);
  thread.heartbeat.listen(0, 1);
  await eventually('an answer', () => thread.heartbeat.silence(1) === 0);
});

test('a directory that cannot be used ends the thread with the error code and message', async () => {
  using temp = tempDirectory();
  symlinkSync(temp.path, join(temp.path, 'link'));
  await using thread = startThread(join(temp.path, 'link'));
  const [error] = await once(thread.worker, 'error');
  assert.equal(error.code, 'DIRECTORY_NOT_WRITABLE');
  assert.match(error.message, /found .*; chown it/s);
});
