/**
 * Writes through the journal's thread until it is killed, and prints the number of each document that was acknowledged.
 * Run by crash.test.ts; argv: directory, number of the first document, compression.
 */
import { writeSync } from 'node:fs';
import { MessageChannel, Worker } from 'node:worker_threads';
import { transferPort, wrap } from '../../../src/actor/rpc.ts';
import { ActorStats } from '../../../src/actor/stats.ts';
import type { JournalControl } from '../../../src/storage/journal/actor.ts';
import type { Compression } from '../../../src/storage/journal/journal.ts';
import type { FromJournal } from '../../../src/storage/journal/protocol.ts';
import { journalOptions, lines } from './fixture.ts';

const [directory = '', first = '0', compression] = process.argv.slice(2);
const BATCH = 50;
const IN_FLIGHT = 4;

const control = new MessageChannel();
const data = new MessageChannel();
const options = journalOptions(directory, {
  segment_bytes: 300_000,
  segments: 10_000,
  compression: compression as Compression,
  fsync_interval_ms: 20,
});
new Worker(new URL('../../../workers/journal.js', import.meta.url), {
  workerData: {
    name: 'journal',
    options,
    control: control.port2,
    log: { level: 'error', format: 'json' },
    stats: ActorStats.allocate(),
  },
  transferList: [control.port2],
});
await wrap<JournalControl>(control.port1).connect('oom', transferPort(data.port2));

let next = Number(first);
function send(): void {
  const bytes = lines(BATCH, next, 400);
  const buffer = new ArrayBuffer(bytes.length);
  new Uint8Array(buffer).set(bytes);
  const batch = {
    type: 'batch',
    sequence: next,
    tracer: 'oom',
    buffer,
    bytes: bytes.length,
    documents: BATCH,
  };
  data.port1.postMessage(batch, [buffer]);
  next += BATCH;
}
/** At once, so that nothing is printed later than it is known; a pipe that is full is waited for. */
function print(text: string): void {
  for (;;) {
    try {
      writeSync(1, text);
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
    }
  }
}
data.port1.on('message', (answer: FromJournal) => {
  if (answer.type !== 'ack') throw new Error(`unexpected ${JSON.stringify(answer)}`);
  print(`${answer.sequence + BATCH - 1}\n`);
  send();
});
for (let i = 0; i < IN_FLIGHT; i++) send();
