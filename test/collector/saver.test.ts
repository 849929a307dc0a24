import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, test } from 'node:test';
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import fc from 'fast-check';
import { ActorStats } from '../../src/actor/stats.ts';
import { withSaved } from '../../src/agent/saved-ledger.ts';
import { JournalClient } from '../../src/collector/journal-client.ts';
import { Saver } from '../../src/collector/saver.ts';
import { ContainersClient } from '../../src/containers/client.ts';
import { keepClock } from '../../src/kernel/clock-keeper.ts';
import { JournalActor } from '../../src/storage/journal/actor.ts';
import { Journal, type JournalOptions } from '../../src/storage/journal/journal.ts';
import {
  DISK_BYTES,
  journalOptions,
  memoryLog,
  streamText,
  tempDirectory,
  tinyDisk,
} from '../storage/journal/fixture.ts';
import { eventually } from '../support/eventually.ts';

keepClock();

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** A journal, and what outlives a worker of one collector. */
class Host {
  readonly stats = new ActorStats(ActorStats.allocate());
  readonly announced: string[] = [];
  readonly directory: string;
  readonly actor: JournalActor;

  constructor(directory = newDirectory(), limits: Partial<JournalOptions> = {}) {
    this.directory = directory;
    this.actor = new JournalActor(
      new Journal(journalOptions(directory, { segment_bytes: 1 << 23, ...limits }), memoryLog()),
      memoryLog(),
    );
    cleanups.push(() => this.actor.close());
  }

  /** The saver of a worker. */
  saver({ connected = true, refused_ms = 60_000 } = {}): {
    saver: Saver;
    journal: JournalClient;
    stop: AbortController;
  } {
    const journal = new JournalClient();
    const stop = new AbortController();
    const saver = new Saver({
      journal,
      stats: this.stats,
      agent: { hostname: 'h', region: 'r', bootId: 'b'.repeat(32) },
      document: {
        collector: 'tester',
        tracer: 'tester',
        kind: 'autotracing',
        severity: 'info',
        schemaVersion: 1,
      },
      containers: new ContainersClient(0),
      signal: stop.signal,
      announce: (line) => void this.announced.push(Buffer.from(line).toString()),
      origin: 'here',
      refused_ms,
    });
    cleanups.push(() => journal.close());
    if (connected) journal.connect(this.port());
    return { saver, journal, stop };
  }

  port(): MessagePort {
    const { port1, port2 } = new MessageChannel();
    this.actor.connect('tester', port2);
    return port1;
  }

  get documents(): Record<string, unknown>[] {
    const text = streamText(this.directory, 'tester').trimEnd();
    return text === '' ? [] : text.split('\n').map((line) => JSON.parse(line) as Record<string, unknown>);
  }

  /** The row of the status page: what is not 0. */
  get ledger(): Record<string, string> {
    const {
      collector: _,
      saved_produced: _saved,
      ...row
    } = withSaved('tester', undefined, this.stats) ?? { collector: '' };
    return Object.fromEntries(Object.entries(row).filter(([, count]) => count !== '0'));
  }
}

function newDirectory(): string {
  const temp = tempDirectory();
  cleanups.push(() => temp[Symbol.dispose]());
  return temp.path;
}

test('a critical document is announced, others are not', async () => {
  const host = new Host();
  const { saver } = host.saver();
  await saver.save({ data: { n: 1 } });
  await saver.save({ severity: 'critical', data: { n: 2 } });
  assert.equal(host.announced.length, 1);
  assert.match(host.announced[0] ?? '', /"severity":"critical".*"tracer_data":\{"n":2\}\}\n$/);
});

test('a document is in the journal when save resolves, with every digit of a bigint', async () => {
  const host = new Host();
  const { saver } = host.saver();
  await saver.save({ data: { id: 2n ** 64n - 1n, nested: [{ small: 3n }] }, time_ns: 1n });
  assert.match(
    streamText(host.directory, 'tester'),
    /"tracer_data":\{"id":18446744073709551615,"nested":\[\{"small":3\}\]\}\}\n$/,
  );
  const [document] = host.documents;
  assert.equal(document?.severity, 'info');
  assert.equal('container_id' in (document ?? {}), false);
  assert.deepEqual(host.ledger, { produced: '1', journalled: '1' });
});

test('the severity is that of the document', async () => {
  const host = new Host();
  const { saver } = host.saver();
  await saver.save({ data: {}, severity: 'critical' });
  assert.equal(host.documents[0]?.severity, 'critical');
});

test('a container that is gone is still named by its id, with hostile text as text', async () => {
  const host = new Host();
  const { saver } = host.saver();
  await saver.save({ subject: 'c'.repeat(64), data: {} });
  await saver.save({ subject: 'a"\n', data: {} });
  assert.deepEqual(
    host.documents.map(({ container_id }) => container_id),
    ['c'.repeat(64), 'a"\n'],
  );
});

test('a document about a systemd unit names it, and no container', async () => {
  const host = new Host();
  const { saver } = host.saver();
  const unit = { id: 'a"b.service', cgroups: {}, cgroupIds: [] };
  await saver.save({ subject: unit, data: {} });
  const [document] = host.documents;
  assert.deepEqual([document?.systemd_unit, document?.container_id], [unit.id, undefined]);
});

test('each document has an id of its own, over all workers', async () => {
  const host = new Host();
  const first = host.saver();
  await Promise.all(Array.from({ length: 200 }, (_, n) => first.saver.save({ data: { n } })));
  first.journal.close();
  await host.saver().saver.save({ data: { n: 200 } });
  assert.equal(new Set(host.documents.map(({ event_id }) => event_id)).size, 201);
  assert.deepEqual(
    host.documents.map(({ tracer_data }) => (tracer_data as { n: number }).n),
    Array.from({ length: 201 }, (_, n) => n),
  );
});

test('what is no JSON object is refused and counted', async () => {
  const host = new Host();
  const { saver } = host.saver();
  const circle: Record<string, unknown> = {};
  circle.self = circle;
  for (const data of [circle, [1], { toJSON: () => undefined }, null as unknown as object])
    await assert.rejects(saver.save({ data }), { code: 'COLLECTOR_INVALID' });
  assert.deepEqual(host.ledger, { produced: '4', dropped_invalid: '4' });
});

test('what is pending is bounded, and what is beyond is counted', async () => {
  const host = new Host();
  const { saver, journal } = host.saver({ connected: false });
  const saves = Array.from({ length: 1100 }, (_, n) => saver.save({ data: { n } }));
  const outcomes = Promise.allSettled(saves);
  await assert.rejects(saves[1099]!, { code: 'OVERLOADED' });
  journal.connect(host.port());
  const failed = (await outcomes).filter(({ status }) => status === 'rejected').length;
  assert.equal(failed, 1100 - 1024);
  assert.deepEqual(host.ledger, { produced: '1100', journalled: '1024', dropped_overloaded: '76' });
});

test('a document that is larger than any the journal takes is counted as that, and its neighbours are written', async () => {
  const host = new Host(newDirectory(), { total_bytes: 100_000, segment_bytes: 100_000 });
  const { saver } = host.saver();
  const sizes = [60_000, 60_000, 110_000, 10];
  const saves = await Promise.allSettled(
    sizes.map((bytes) => saver.save({ data: { text: 'x'.repeat(bytes) } })),
  );
  assert.deepEqual(
    saves.map((outcome) => (outcome.status === 'rejected' ? outcome.reason.code : 'written')),
    ['written', 'written', 'DOCUMENT_TOO_LARGE', 'written'],
  );
  await assert.rejects(saver.save({ data: { text: 'x'.repeat(9 << 20) } }), { code: 'DOCUMENT_TOO_LARGE' });
  assert.deepEqual(host.ledger, { produced: '5', journalled: '3', dropped_oversized: '2' });
});

test('a time that is no date of four digits is refused', async () => {
  const host = new Host();
  const { saver } = host.saver();
  for (const time_ns of [-(10n ** 30n), 10n ** 30n])
    await assert.rejects(saver.save({ data: {}, time_ns }), { code: 'COLLECTOR_INVALID' });
  assert.deepEqual(host.ledger, { produced: '2', dropped_invalid: '2' });
});

test('whatever is saved, and of whomever, the line is one well-formed JSON object', async () => {
  const host = new Host();
  const { saver } = host.saver();
  const text = fc.string({
    unit: fc.constantFrom('a', '\n', '\0', '\ud800', '\udc00', '😀', '\u2028', '"', '\\'),
  });
  let saved = 0;
  await fc.assert(
    fc.asyncProperty(
      text,
      fc.dictionary(text, fc.oneof(text, fc.double(), fc.bigInt())),
      async (subject, data) => {
        await saver.save({ subject, data });
        saved++;
      },
    ),
  );
  const lines = streamText(host.directory, 'tester').trimEnd().split('\n');
  assert.equal(lines.length, saved);
  for (const line of lines) {
    assert.ok(isWellFormed(JSON.parse(line)), line);
  }
});

/** Whether every text and key in a value is. */
function isWellFormed(value: unknown): boolean {
  if (typeof value === 'string') return value.isWellFormed();
  if (typeof value !== 'object' || value === null) return true;
  return Object.entries(value).every(([key, member]) => key.isWellFormed() && isWellFormed(member));
}

test('a full disk: tried again until there is room', async (t) => {
  const disk = tinyDisk();
  if (typeof disk === 'string') return t.skip(disk);
  cleanups.push(() => disk[Symbol.dispose]());
  const ballast = join(disk.path, '.ballast');
  const host = new Host(disk.path);
  writeFileSync(ballast, Buffer.alloc(DISK_BYTES / 2));
  const { saver } = host.saver();
  const large = { text: 'x'.repeat(DISK_BYTES * 0.6) };
  const saved = saver.save({ data: large });
  await eventually('the refusal', () => host.actor.status().tracers.tester?.refused_batches);
  assert.deepEqual(host.ledger, { produced: '1', difference: '1' });
  rmSync(ballast);
  await saved;
  assert.deepEqual(host.ledger, { produced: '1', journalled: '1' });
});

test('a full disk: given up after a while, at once when it is stopped; both are counted', async (t) => {
  const disk = tinyDisk();
  if (typeof disk === 'string') return t.skip(disk);
  cleanups.push(() => disk[Symbol.dispose]());
  const host = new Host(disk.path);
  const large = { text: 'x'.repeat(2 * DISK_BYTES) };
  await assert.rejects(host.saver({ refused_ms: 0 }).saver.save({ data: large }), { code: 'JOURNAL_FAILED' });
  assert.deepEqual(host.ledger, { produced: '1', dropped_refused: '1' });
  const { saver, stop } = host.saver();
  const saved = saver.save({ data: large });
  saved.catch(() => undefined);
  await eventually('the refusal', () => host.actor.status().tracers.tester?.refused_batches === 2);
  stop.abort();
  await assert.rejects(saved, { code: 'CANCELLED' });
  await saver.drained();
  assert.deepEqual(host.ledger, { produced: '2', dropped_refused: '1', dropped_cancelled: '1' });
});

test('while it is being stopped what is pending and what comes yet is written; then nothing is taken any more', async () => {
  const host = new Host();
  const { saver, stop } = host.saver();
  const saved = saver.save({ data: {} });
  stop.abort();
  await saved;
  await saver.save({ data: {} });
  const last = saver.save({ data: {} });
  await saver.close();
  await last;
  await assert.rejects(saver.save({ data: {} }), { code: 'CANCELLED' });
  assert.deepEqual(host.ledger, { produced: '4', journalled: '3', dropped_cancelled: '1' });
});

test('a stop while there is no journal cancels what is pending', async () => {
  const host = new Host();
  const { saver, stop } = host.saver({ connected: false });
  const saved = saver.save({ data: {} });
  stop.abort();
  await assert.rejects(saved, { code: 'CANCELLED' });
  assert.deepEqual(host.ledger, { produced: '1', dropped_cancelled: '1' });
});

test('a document is sent again when the journal was replaced before it answered', async () => {
  const host = new Host();
  const { saver, journal } = host.saver({ connected: false });
  const { port1, port2 } = new MessageChannel();
  journal.connect(port1);
  const saved = saver.save({ data: {} });
  await new Promise((resolve) => port2.once('message', resolve));
  port2.close();
  await eventually('the end of the port', () => journal.connected !== undefined);
  journal.connect(host.port());
  await saved;
  assert.deepEqual(host.ledger, { produced: '1', journalled: '1' });
});

/** A worker that dies while documents are under way: none of the journal's answers arrives. */
async function dyingWorker(host: Host, documents: number, reaches: 'journal' | 'nothing'): Promise<void> {
  const { saver, journal } = host.saver({ connected: false });
  const { port1, port2 } = new MessageChannel();
  journal.connect(port1);
  for (let n = 0; n < documents; n++) saver.save({ data: { n } }).catch(() => undefined);
  const batch = await new Promise<object>((resolve) => port2.once('message', resolve));
  if (reaches === 'journal') {
    const port = host.port();
    port.postMessage(batch);
    await new Promise((resolve) => port.once('message', resolve));
    port.close();
  }
}

test('what a worker had under way when it died is settled by its successor: what is on disk is journalled', async () => {
  const host = new Host();
  await dyingWorker(host, 3, 'journal');
  assert.equal(host.ledger.difference, '3');
  await host.saver().saver.drained();
  // The first document went alone, the others waited for its answer.
  assert.deepEqual(host.ledger, { produced: '3', journalled: '1', dropped_lost: '2' });
  assert.equal(host.documents.length, 1);
  await host.saver().saver.save({ data: {} });
  assert.deepEqual(host.ledger, { produced: '4', journalled: '2', dropped_lost: '2' });
  assert.equal(host.documents.length, 2);
});

test('what never reached the journal is lost with its worker, and counted', async () => {
  const host = new Host();
  await dyingWorker(host, 2, 'nothing');
  const { saver } = host.saver();
  await saver.save({ data: {} });
  assert.deepEqual(host.ledger, { produced: '3', journalled: '1', dropped_lost: '2' });
});
