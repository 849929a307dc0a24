import assert from 'node:assert/strict';
import { once } from 'node:events';
import { afterEach, describe, mock, test } from 'node:test';
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { allocateChanges } from '../../../src/collector/scraping.ts';
import { HuatuoError } from '../../../src/error.ts';
import type { MetricsAnswer } from '../../../src/sdk/metrics.ts';
import { answerOf, gauge } from '../../../src/storage/prometheus/own-family.ts';
import type { ScrapeReply, ScrapeRequest } from '../../../src/storage/prometheus/protocol.ts';
import { AnswerReader } from '../../../src/storage/prometheus/reader.ts';
import { type ScrapeFault, ScrapeMemory, scrape } from '../../../src/storage/prometheus/scrape.ts';
import { type MetricSource, PortSource } from '../../../src/storage/prometheus/source.ts';
import { promlint } from '../../support/promlint.ts';

const opened: Disposable[] = [];
afterEach(() => {
  for (const handle of opened.splice(0)) handle[Symbol.dispose]();
});

/** Longer than the runner gives a test: only `pageOnceLate` lets it pass. */
const DEADLINE_MS = 3_600_000;

interface TestCollector {
  readonly source: PortSource;
  readonly port: MessagePort;
  readonly requests: ScrapeRequest[];
  /** Resolves at its next request, before it is answered. */
  asked(): Promise<unknown>;
  /** Resolves at the next message from it, after the source has had it. */
  heard(): Promise<unknown>;
  /** Resolves when it has got every request that was sent. */
  caughtUp(): Promise<unknown>;
}

/** A collector on the other end of a port; `answer` is its behaviour. */
function collector(name: string, answer: (request: ScrapeRequest, port: MessagePort) => void): TestCollector {
  const { port1, port2 } = new MessageChannel();
  const requests: ScrapeRequest[] = [];
  port2.on('message', (request: ScrapeRequest | 'last') => {
    if (request === 'last') return;
    requests.push(request);
    answer(request, port2);
  });
  const source = new PortSource(name, port1, true);
  opened.push({ [Symbol.dispose]: () => source.close() }, { [Symbol.dispose]: () => port2.close() });
  return {
    source,
    port: port2,
    requests,
    asked: () => once(port2, 'message'),
    heard: () => once(port1, 'message'),
    caughtUp: () => {
      port1.postMessage('last');
      return once(port2, 'message');
    },
  };
}

const value = (name: string): MetricsAnswer =>
  answerOf([gauge(`huatuo_bamai_${name}_value`, 'A value.', [{ labels: {}, value: 1 }])]);
const reply = (request: ScrapeRequest, name: string): ScrapeReply => ({
  type: 'samples',
  id: request.id,
  answer: value(name),
});
const prompt = (name: string): TestCollector =>
  collector(name, (request, port) => port.postMessage(reply(request, name)));
const healthy = (name: string): PortSource => prompt(name).source;

async function page(
  sources: readonly MetricSource[],
  more: Partial<Parameters<typeof scrape>[0]> = {},
): Promise<{ text: string; faults: Map<string, readonly ScrapeFault[]> }> {
  const faults = new Map<string, readonly ScrapeFault[]>();
  const body = await scrape({
    sources,
    own: [],
    memory: new ScrapeMemory(),
    labels: { region: 'r', host: 'h' },
    format: 'text',
    deadline_ms: DEADLINE_MS,
    lastSuccess_seconds: () => undefined,
    onOutcome: (name, found) => faults.set(name, found),
    ...more,
  });
  const text = String(body);
  assert.deepEqual(promlint(text), []);
  return { text, faults };
}

/** The page of a scrape whose deadline passes when these have happened, and not before. */
async function pageOnceLate(
  events: readonly Promise<unknown>[],
  sources: readonly MetricSource[],
): ReturnType<typeof page> {
  mock.timers.enable({ apis: ['setTimeout'] });
  try {
    const reading = page(sources);
    await Promise.all(events);
    mock.timers.tick(DEADLINE_MS);
    return await reading;
  } finally {
    mock.timers.reset();
  }
}

const success = (text: string, name: string): string | undefined =>
  new RegExp(
    `^huatuo_bamai_scrape_collector_success\\{collector="${name}",region="r",host="h"\\} (\\d)$`,
    'm',
  ).exec(text)?.[1];

describe('a collector costs only its own samples', () => {
  test('when it never answers', async () => {
    const [good, mute] = [prompt('good'), collector('mute', () => {})];
    const { text, faults } = await pageOnceLate([good.heard(), mute.asked()], [good.source, mute.source]);
    assert.match(text, /^huatuo_bamai_good_value/m);
    assert.deepEqual([success(text, 'good'), success(text, 'mute')], ['1', '0']);
    const [fault] = faults.get('mute') ?? [];
    assert.ok(fault?.type === 'failed' && fault.error.code === 'DEADLINE_EXCEEDED');
  });

  test('when it fails, and its error keeps its code', async () => {
    const error = new HuatuoError('SOURCE_UNREADABLE', { found: 'nothing', remedy: 'none' });
    const broken = collector('broken', ({ id }, port) =>
      port.postMessage({ type: 'failed', id, error: HuatuoError.toWire(error) } satisfies ScrapeReply),
    );
    const { text, faults } = await page([broken.source, healthy('good')]);
    assert.deepEqual([success(text, 'good'), success(text, 'broken')], ['1', '0']);
    const [fault] = faults.get('broken') ?? [];
    assert.ok(fault?.type === 'failed' && fault.error.code === 'SOURCE_UNREADABLE');
  });

  test('when its thread ends in the middle', async () => {
    const dying = collector('dying', (_, port) => port.close());
    const { text } = await page([dying.source, healthy('good')]);
    assert.deepEqual([success(text, 'good'), success(text, 'dying')], ['1', '0']);
  });

  test('when it answers nonsense', async () => {
    const odd = collector('odd', ({ id }, port) => {
      port.postMessage(null);
      port.postMessage({ type: 'samples', id, answer: { token: 'x', families: 7 } });
    });
    const { text } = await page([odd.source, healthy('good')]);
    assert.deepEqual([success(text, 'good'), success(text, 'odd')], ['1', '0']);
  });

  test('when it uses a name another one has', async () => {
    const thief = collector('thief', (request, port) => port.postMessage(reply(request, 'good')));
    const { text, faults } = await page([thief.source, healthy('good')]);
    assert.deepEqual([success(text, 'good'), success(text, 'thief')], ['1', '0']);
    assert.equal(faults.get('thief')?.[0]?.type, 'refused');
  });

  test('when it claims a metric of the scrape itself', async () => {
    const name = 'huatuo_bamai_scrape_collector_success';
    const liar = collector('liar', ({ id }, port) =>
      port.postMessage({
        type: 'samples',
        id,
        answer: answerOf([gauge(name, 'x', [{ labels: { collector: 'good' }, value: 9 }])]),
      }),
    );
    const { text } = await page([liar.source, healthy('good')]);
    assert.deepEqual([success(text, 'good'), success(text, 'liar')], ['1', '0']);
  });
});

test('a late answer is dropped, and the next scrape gets a fresh one', async () => {
  const held: ScrapeRequest[] = [];
  const slow = collector('slow', (request, port) => {
    if (held.push(request) > 1) port.postMessage(reply(request, 'slow'));
  });
  const { text: without } = await pageOnceLate([slow.asked()], [slow.source]);
  assert.equal(success(without, 'slow'), '0');
  const heard = slow.heard();
  slow.port.postMessage(reply(held[0] as ScrapeRequest, 'late'));
  await heard;
  const { text } = await page([slow.source]);
  assert.equal(success(text, 'slow'), '1');
  assert.doesNotMatch(text, /late/);
});

test('a collector that is starting costs its own samples at once, and is asked when it has said that it is ready', async () => {
  const { port1, port2 } = new MessageChannel();
  const source = new PortSource('slow', port1);
  opened.push({ [Symbol.dispose]: () => source.close() }, { [Symbol.dispose]: () => port2.close() });
  let asked = 0;
  port2.on('message', (request: ScrapeRequest) => {
    asked++;
    port2.postMessage(reply(request, 'slow'));
  });
  const { text, faults } = await page([source, healthy('good')]);
  assert.deepEqual([success(text, 'good'), success(text, 'slow'), asked], ['1', '0', 0]);
  const [fault] = faults.get('slow') ?? [];
  assert.ok(fault?.type === 'failed' && fault.error.code === 'COLLECTOR_STARTING');
  port2.postMessage({ type: 'ready' } satisfies ScrapeReply);
  await once(port1, 'message');
  assert.equal(success((await page([source])).text, 'slow'), '1');
});

test('a collector that hangs is asked once, however often it is scraped', async () => {
  const mute = collector('mute', () => {});
  await pageOnceLate([mute.asked()], [mute.source]);
  for (let i = 0; i < 4; i++) await page([mute.source]);
  await mute.caughtUp();
  assert.equal(mute.requests.length, 1);
});

test('a thread that says what has changed is asked only then, and each time while what it has may expire', async () => {
  const changes = allocateChanges();
  let expires = false;
  const quiet = collector('quiet', (request, port) =>
    port.postMessage({ ...reply(request, 'quiet'), expires }),
  );
  const ready = quiet.heard();
  quiet.port.postMessage({ type: 'ready', changes } satisfies ScrapeReply);
  await ready;
  const scrapes = async (count: number): Promise<number> => {
    for (let i = 0; i < count; i++)
      assert.match((await page([quiet.source])).text, /^huatuo_bamai_quiet_value/m);
    return quiet.requests.length;
  };
  assert.equal(await scrapes(3), 1);
  Atomics.add(changes, 0, 1);
  expires = true;
  assert.equal(await scrapes(3), 4);
  expires = false;
  assert.equal(await scrapes(3), 5);
  quiet.source.close();
  assert.equal(success((await page([quiet.source])).text, 'quiet'), '0');
});

test('scrapes at the same time share one request', async () => {
  const counted = collector('counted', (request, port) => port.postMessage(reply(request, 'counted')));
  await Promise.all([page([counted.source]), page([counted.source]), page([counted.source])]);
  assert.equal(counted.requests.length, 1);
});

test('the main thread adds its families, and its silence is a sample', async () => {
  const alive = await page([], { supervisor: async () => new AnswerReader().read(value('agent')) });
  assert.match(alive.text, /^huatuo_bamai_agent_value/m);
  assert.match(alive.text, /^huatuo_supervisor_up 1$/m);
  const dead = await page([healthy('good')], { supervisor: () => Promise.reject(new Error('silent')) });
  assert.match(dead.text, /^huatuo_supervisor_up 0$/m);
  assert.equal(success(dead.text, 'good'), '1');
});

test('a page that is made again has the values of now, and each time says what it leaves out', async () => {
  const memory = new ScrapeMemory();
  const readers = { a: new AnswerReader(), b: new AnswerReader() };
  const scraped = async (a: number, names: readonly string[]): Promise<(string | number | undefined)[]> => {
    const source = (name: 'a' | 'b', families: ReturnType<typeof gauge>[]): MetricSource => ({
      name,
      scrape: async () => readers[name].read(answerOf(families)),
    });
    const { text, faults } = await page(
      [
        source('a', [gauge('huatuo_one', 'One.', [{ labels: {}, value: a }])]),
        source(
          'b',
          names.map((name) => gauge(name, 'Other.', [{ labels: {}, value: 2 }])),
        ),
      ],
      { memory },
    );
    const [one, other] = ['one', 'other'].map(
      (name) => new RegExp(`^huatuo_${name} (.*)$`, 'm').exec(text)?.[1],
    );
    return [one, other, faults.get('b')?.length];
  };
  assert.deepEqual(await scraped(1, ['huatuo_one']), ['1', undefined, 1]);
  assert.deepEqual(await scraped(5, ['huatuo_one']), ['5', undefined, 1]);
  assert.deepEqual(await scraped(5, ['huatuo_one', 'huatuo_other']), ['5', '2', 1]);
  assert.deepEqual(await scraped(6, ['huatuo_other']), ['6', '2', 0]);
  assert.deepEqual(await scraped(7, []), ['7', undefined, 0]);
});
