import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { test } from 'node:test';
import { Journal } from '../../src/storage/journal/journal.ts';
import { createApp } from '../../src/web/app.ts';
import { type EventStreamOptions, EventStreams } from '../../src/web/event-stream.ts';
import { type HttpServer, listen } from '../../src/web/server.ts';
import { documentLines } from '../storage/elasticsearch/fixture.ts';
import { journalOptions, memoryLog, tempDirectory } from '../storage/journal/fixture.ts';
import { eventually } from '../support/eventually.ts';

interface Received {
  readonly id: string;
  readonly pid: number;
  readonly tracer: string;
}

/** A server on a journal with 20 documents of `oom`. */
class Stage implements AsyncDisposable {
  readonly #directory = tempDirectory();
  readonly journal: Journal;
  readonly streams: EventStreams;
  #server: HttpServer | undefined;
  #written = 0;

  constructor(options: Partial<EventStreamOptions> = {}, journal: Parameters<typeof journalOptions>[1] = {}) {
    this.journal = new Journal(
      journalOptions(this.#directory.path, { segment_bytes: 2000, segments: 1000, ...journal }),
      memoryLog(),
    );
    const onError = (error: unknown): void => assert.fail(String(error));
    this.streams = new EventStreams({
      journal: this.#directory.path,
      collectors: () => ['oom', 'softirq'],
      onError,
      ...options,
    });
    this.write(20);
  }

  async start(): Promise<string> {
    const onError = (): void => undefined;
    const app = createApp({ onError, onReply: onError });
    app.get('/api/v1/events', (c) => this.streams.answer(c));
    this.#server = await listen({ host: '127.0.0.1', port: 0, app, onError });
    return `http://127.0.0.1:${this.port}/api/v1/events`;
  }

  get port(): number {
    return this.#server?.listening.port ?? 0;
  }

  write(count: number, tracer = 'oom', data: object = {}): void {
    this.journal.append(tracer, documentLines(this.#written, count, { tracer, data }), count);
    this.#written += count;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.streams.close();
    await this.#server?.[Symbol.asyncDispose]();
    await this.journal.close();
    this.#directory[Symbol.dispose]();
  }
}

/** Opens a stream; `take` resolves with as many events as are wanted. */
async function open(url: string, headers: Record<string, string> = {}) {
  const stop = new AbortController();
  const response = await fetch(url, { headers, signal: stop.signal });
  assert.equal(response.status, 200);
  assert.equal(response.headers.get('content-type'), 'text/event-stream');
  assert.equal(response.headers.get('content-encoding'), null);
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  let text = (await reader.read()).value ?? '';
  const events: Received[] = [];
  let lost = 0;
  async function take(count: number): Promise<Received[]> {
    for (;;) {
      const messages = text.split('\n\n');
      text = messages.pop() ?? '';
      for (const message of messages) {
        const [, id = '', data] = /^id: (.*)\ndata: (.*)$/.exec(message) ?? [];
        lost += Number(/^event: lost\ndata: (\d+)$/.exec(message)?.[1] ?? 0);
        if (data === undefined) continue;
        const { tracer_name, tracer_data } = JSON.parse(data);
        events.push({ id, pid: tracer_data.victim.pid, tracer: tracer_name });
      }
      if (events.length >= count) return events;
      const chunks: string[] = [];
      // A long message comes in many pieces.
      do {
        const { value, done } = await reader.read();
        if (done) throw new Error(`ended after ${events.length} events`);
        chunks.push(value);
      } while (
        !`${chunks.at(-2) ?? text}`
          .slice(-1)
          .concat(chunks.at(-1) ?? '')
          .includes('\n\n')
      );
      text += chunks.join('');
    }
  }
  return { take, lost: () => lost, close: () => stop.abort() };
}

test('a client gets what comes, of every tracer, also of one that is new', async () => {
  await using stage = new Stage();
  const client = await open(await stage.start());
  stage.write(2);
  assert.deepEqual(
    (await client.take(2)).map(({ pid }) => pid),
    [20, 21],
  );
  stage.write(1, 'softirq');
  const [, , third] = await client.take(3);
  assert.deepEqual([third?.pid, third?.tracer], [22, 'softirq']);
  client.close();
  await eventually('the stream to end', () => stage.streams.counts.clients === 0);
});

test('a client that comes back with the last id gets everything since, over segments', async () => {
  await using stage = new Stage();
  const url = await stage.start();
  const client = await open(`${url}?since=2020-01-01`);
  const first = await client.take(7);
  client.close();
  stage.write(30);
  const id = first[6]?.id ?? '';
  assert.equal(id, 'oom:7');
  const again = await open(url, { 'last-event-id': id });
  assert.deepEqual(
    (await again.take(43)).map(({ pid }) => pid),
    Array.from({ length: 43 }, (_, n) => n + 7),
  );
  again.close();
});

test('collectors, conditions and containers can be chosen; what is misspelt is refused', async () => {
  await using stage = new Stage();
  const url = await stage.start();
  stage.write(3, 'softirq');
  const of = async (query: string, count: number): Promise<number[]> => {
    const client = await open(`${url}?since=2020-01-01&${query}`);
    const events = await client.take(count);
    client.close();
    return events.map(({ pid }) => pid);
  };
  assert.deepEqual(await of('collector=softirq', 3), [20, 21, 22]);
  const filter = encodeURIComponent('tracer_data.victim.pid >= 18');
  assert.deepEqual(await of(`filter=${filter}`, 5), [18, 19, 20, 21, 22]);
  for (const [query, header] of [
    ['filter=a%20%3D', ''],
    ['since=yesterday', ''],
    ['collector=../x', ''],
    ['', 'oom'],
  ] as const) {
    const response = await fetch(`${url}?${query}`, { headers: { 'last-event-id': header } });
    assert.equal(response.status, 400, query);
    assert.equal(((await response.json()) as { error: { code: string } }).error.code, 'BAD_QUERY');
  }
});

test('what the journal deleted before a client had met it is told', async () => {
  await using stage = new Stage({}, { segments: 3 });
  const url = await stage.start();
  for (let n = 0; n < 10; n++) stage.write(20);
  const client = await open(url, { 'last-event-id': 'oom:5' });
  const events = await client.take(60);
  assert.equal(events.at(-1)?.pid, 219);
  assert.equal(client.lost(), 155);
  client.close();
});

test('one client too many is told to come back', async () => {
  await using stage = new Stage({ maxClients: 1 });
  const url = await stage.start();
  const client = await open(url);
  const response = await fetch(url);
  assert.equal(response.status, 429);
  assert.ok(response.headers.get('retry-after'));
  client.close();
  await eventually('the place to be free', () => stage.streams.counts.clients === 0);
  (await open(url)).close();
  assert.equal(stage.streams.counts.refused, 1);
});

test('a client that takes nothing is cut off and counted; the others go on', async () => {
  await using stage = new Stage({ slow_ms: 500 });
  const url = await stage.start();
  const other = await open(url);
  const taken = other.take(40);
  const slow = connect(stage.port, '127.0.0.1');
  slow.pause();
  slow.on('error', () => undefined);
  slow.write('GET /api/v1/events?since=2020-01-01 HTTP/1.1\r\nhost: x\r\n\r\n');
  for (let n = 0; n < 40; n++) stage.write(1, 'oom', { pad: 'x'.repeat(1 << 20) });
  await eventually('the slow client to be cut off', () => stage.streams.counts.cut === 1);
  assert.equal((await taken).length, 40);
  await eventually('its stream to end', () => stage.streams.counts.clients === 1);
  other.close();
  slow.destroy();
});
