import assert from 'node:assert/strict';
import { once } from 'node:events';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { HuatuoError } from '../../../src/error.ts';
import { JournalActor } from '../../../src/storage/journal/actor.ts';
import { MAX_BATCH_BYTES } from '../../../src/storage/journal/check-message.ts';
import { Journal } from '../../../src/storage/journal/journal.ts';
import type { FromJournal, RingRange } from '../../../src/storage/journal/protocol.ts';
import {
  journalOptions,
  lines,
  memoryLog,
  streamText,
  type TempDirectory,
  tempDirectory,
} from './fixture.ts';

function start(temp: TempDirectory): JournalActor {
  return new JournalActor(new Journal(journalOptions(temp.path), memoryLog()), memoryLog());
}

function connect(actor: JournalActor, collector = 'oom'): MessagePort {
  const { port1, port2 } = new MessageChannel();
  actor.connect(collector, port2);
  return port1;
}

function send(
  port: MessagePort,
  sequence: number,
  bytes: Buffer,
  changes: Record<string, unknown> = {},
): void {
  const buffer = new ArrayBuffer(bytes.length + 100);
  new Uint8Array(buffer).set(bytes);
  const documents = bytes.toString().split('\n').length - 1;
  port.postMessage(
    { type: 'batch', sequence, tracer: 'oom', buffer, bytes: bytes.length, documents, ...changes },
    [buffer],
  );
}

async function answer(port: MessagePort): Promise<FromJournal> {
  const [message] = (await once(port, 'message')) as [FromJournal];
  return message;
}

async function answers(port: MessagePort, count: number): Promise<FromJournal[]> {
  const got: FromJournal[] = [];
  while (got.length < count) got.push(await answer(port));
  return got;
}

const ring = (start: bigint, end: bigint): RingRange => ({
  id: 'oom-7',
  start,
  end,
  documents: 1,
  malformed: 0,
});

test('a batch is acknowledged after its bytes are in the file, and its buffer comes back', async () => {
  using temp = tempDirectory();
  const actor = start(temp);
  const port = connect(actor);
  send(port, 1, lines(3));
  send(port, 2, lines(2, 3));
  const got = await answers(port, 2);
  assert.equal(streamText(temp.path, 'oom'), lines(5).toString());
  assert.deepEqual(
    got.map((one) => one.type === 'ack' && [one.sequence, one.buffer.byteLength]),
    [
      [1, lines(3).length + 100],
      [2, lines(2, 3).length + 100],
    ],
  );
  await actor.close();
});

test('a range that is on disk is acknowledged without being written again', async () => {
  using temp = tempDirectory();
  const actor = start(temp);
  const port = connect(actor);
  send(port, 1, lines(1, 0), { ring: ring(0n, 80n) });
  send(port, 2, lines(1, 1), { ring: ring(80n, 160n) });
  send(port, 3, lines(1, 0), { ring: ring(0n, 80n) });
  assert.deepEqual(
    (await answers(port, 3)).map(({ type }) => type),
    ['ack', 'ack', 'ack'],
  );
  assert.equal(streamText(temp.path, 'oom'), lines(2).toString());
  const { repeated_batches, batches } = actor.status().tracers.oom ?? assert.fail();
  assert.deepEqual({ repeated_batches, batches }, { repeated_batches: 1, batches: 2 });
  await actor.close();
});

test('behind a refused range nothing of its ring is written until that has come again', async () => {
  using temp = tempDirectory();
  writeFileSync(join(temp.path, 'oom'), 'in the way');
  const actor = start(temp);
  const port = connect(actor);
  send(port, 1, lines(1, 0), { ring: ring(0n, 80n) });
  assert.equal((await answer(port)).type, 'refused');
  rmSync(join(temp.path, 'oom'));
  send(port, 2, lines(1, 1), { ring: ring(80n, 160n) });
  send(port, 3, lines(1, 7), { ring: { ...ring(80n, 160n), id: 'oom-8' } });
  // Cut anew by its sender: the refused range and half of the next.
  send(port, 4, lines(2, 0), { ring: { ...ring(0n, 120n), documents: 2 } });
  send(port, 5, lines(1, 2), { ring: ring(120n, 160n) });
  assert.deepEqual(
    (await answers(port, 4)).map(({ type }) => type),
    ['refused', 'ack', 'ack', 'ack'],
  );
  assert.equal(streamText(temp.path, 'oom'), lines(1, 7).toString() + lines(3, 0).toString());
  await actor.close();
});

test('hello is answered with what was written of the ring, over a new port as well', async () => {
  using temp = tempDirectory();
  const actor = start(temp);
  const port = connect(actor);
  send(port, 1, lines(1, 0), { ring: ring(0n, 80n) });
  send(port, 2, Buffer.alloc(0), { ring: { ...ring(80n, 160n), documents: 0, malformed: 1 } });
  await answers(port, 2);
  const restarted = connect(actor);
  restarted.postMessage({ type: 'hello', ringId: 'oom-7' });
  assert.deepEqual(await answer(restarted), {
    type: 'welcome',
    ringId: 'oom-7',
    written: [ring(0n, 80n), { ...ring(80n, 160n), documents: 0, malformed: 1 }],
    limit_bytes: MAX_BATCH_BYTES,
  });
  restarted.postMessage({ type: 'hello', ringId: 'oom-8' });
  assert.deepEqual(await answer(restarted), {
    type: 'welcome',
    ringId: 'oom-8',
    written: [],
    limit_bytes: MAX_BATCH_BYTES,
  });
  await actor.close();
});

test('a successor is told of all that its predecessor sent, though none of it had been read', async () => {
  using temp = tempDirectory();
  const actor = start(temp);
  const former = connect(actor);
  for (let n = 0; n < 5; n++)
    send(former, n, lines(1, n), { ring: ring(BigInt(n * 80), BigInt(n * 80 + 80)) });
  const successor = connect(actor);
  successor.postMessage({ type: 'hello', ringId: 'oom-7' });
  const welcome = await answer(successor);
  assert.equal(welcome.type === 'welcome' && welcome.written.length, 5);
  assert.equal(streamText(temp.path, 'oom'), lines(5).toString());
  await actor.close();
});

test('a new port of a collector replaces the former one', async () => {
  using temp = tempDirectory();
  const actor = start(temp);
  const former = connect(actor);
  const closed = once(former, 'close');
  connect(actor);
  await closed;
  await actor.close();
});

test('malformed messages are refused with the reason and give their buffer back; the actor goes on', async () => {
  using temp = tempDirectory();
  const actor = start(temp);
  const port = connect(actor);
  const wrong: [change: Record<string, unknown>, reason: RegExp][] = [
    [{ type: 'nonsense' }, /type/],
    [{ tracer: '../../etc/passwd' }, /must be 1 to 64 characters/],
    [{ tracer: 7 }, /tracer/],
    [{ bytes: 1 << 20 }, /must not exceed the buffer/],
    [{ bytes: -1 }, /bytes/],
    [{ bytes: 3 }, /newline/],
    [{ bytes: 'many' }, /bytes/],
    [{ documents: 0 }, /documents must fit/],
    [{ documents: 1e9 }, /documents must fit/],
    [{ documents: Number.NaN }, /documents/],
    [{ ring: ring(80n, 80n) }, /end must be above start/],
    [{ ring: { ...ring(0n, 80n), start: 0 } }, /start/],
    [{ ring: null }, /ring/],
  ];
  for (const [sequence, [change, reason]] of wrong.entries()) {
    send(port, sequence, lines(1), change);
    const refused = await answer(port);
    assert.ok(refused.type === 'refused');
    assert.equal(refused.sequence, sequence);
    assert.equal(refused.buffer.byteLength, lines(1).length + 100);
    assert.match(refused.error.message, reason);
    assert.equal(HuatuoError.fromWire(refused.error).permanent, true);
  }
  for (const nonsense of [
    null,
    undefined,
    7,
    'batch',
    [],
    new ArrayBuffer(8),
    { sequence: {}, buffer: 'no' },
  ]) {
    port.postMessage(nonsense);
    const refused = await answer(port);
    assert.ok(refused.type === 'refused' && refused.sequence === -1 && refused.buffer.byteLength === 0);
  }
  assert.equal(actor.status().rejected_messages, wrong.length + 7);
  send(port, 99, lines(1));
  assert.equal((await answer(port)).type, 'ack');
  assert.equal(streamText(temp.path, 'oom'), lines(1).toString());
  await actor.close();
});

test('a collector that sends without waiting is held to 64 unanswered batches; a quiet one is served in its turn', async () => {
  using temp = tempDirectory();
  const actor = start(temp);
  const greedy = connect(actor, 'greedy');
  const quiet = connect(actor, 'quiet');
  const order: string[] = [];
  greedy.on('message', ({ type }: FromJournal) => order.push(type));
  const quietDone = once(quiet, 'message').then(() => order.push('quiet'));
  for (let i = 0; i < 100; i++) send(greedy, i, lines(1, i));
  send(quiet, 0, lines(1), { tracer: 'softirq' });
  await quietDone;
  while (order.length < 101) await once(greedy, 'message');
  assert.equal(order.filter((type) => type === 'refused').length, 36);
  assert.ok(
    order.indexOf('quiet') < order.lastIndexOf('ack'),
    'the quiet collector waited for all of the greedy one',
  );
  assert.equal(actor.status().tracers.oom?.documents, 64);
  await actor.close();
});

test('what was received before close is written', async () => {
  using temp = tempDirectory();
  const actor = start(temp);
  const port = connect(actor);
  send(port, 1, lines(2));
  assert.equal((await answer(port)).type, 'ack');
  for (let i = 0; i < 10; i++) send(port, i, lines(1, 2 + i));
  const first = await answer(port);
  assert.equal(first.type, 'ack');
  await actor.close();
  assert.ok(streamText(temp.path, 'oom').startsWith(lines(3).toString()));
});

test('batches of a collector that died after sending are still written', async () => {
  using temp = tempDirectory();
  const actor = start(temp);
  const port = connect(actor);
  send(port, 1, lines(2));
  port.close();
  while (!actor.status().tracers.oom?.documents) await new Promise(setImmediate);
  await actor.close();
  assert.equal(streamText(temp.path, 'oom'), lines(2).toString());
});
