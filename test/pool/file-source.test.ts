import assert from 'node:assert/strict';
import { after, afterEach, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { ContainersClient } from '../../src/containers/client.ts';
import { SnapshotWriter } from '../../src/containers/snapshot.ts';
import type { HuatuoError } from '../../src/error.ts';
import { keepClock } from '../../src/kernel/clock-keeper.ts';
import { FileSource } from '../../src/pool/file-source.ts';
import { patience_ms } from '../../src/pool/patience.ts';
import { FilePool } from '../../src/pool/pool.ts';
import { allocateState } from '../../src/sdk/shared-state.ts';
import type { Reading } from '../../src/storage/prometheus/reader.ts';
import { eventually } from '../support/eventually.ts';
import { familiesOfReading } from '../support/families.ts';

keepClock();

const DEADLINE_MS = 60_000;
const pool = new FilePool(
  { paths: { procfs: '/proc', sysfs: '/sys' }, log: { level: 'error', format: 'json' } },
  (port) => port.close(),
);
after(() => pool[Symbol.asyncDispose]());

const snapshots = new SnapshotWriter(new ContainersClient(0));
const opened: Disposable[] = [];
afterEach(() => {
  for (const handle of opened.splice(0)) handle[Symbol.dispose]();
});

function source(
  fixture: string,
  maxSeries = 100,
  state = allocateState(),
  waits_ms = patience_ms(0),
): FileSource {
  const modulePath = fileURLToPath(new URL(`../fixtures/metrics/${fixture}.js`, import.meta.url));
  const made = new FileSource(
    {
      ...{ name: fixture.replace('-', '_'), modulePath, options: { a: 1 }, maxSeries, contents: '' },
      state,
    },
    pool,
    () => snapshots.get(),
    waits_ms,
  );
  opened.push(made);
  return made;
}

function value(reading: Reading, name: string): number | undefined {
  return familiesOfReading(reading).find((family) => family.name === name)?.samples[0]?.value;
}

test('update gets options, samples and fresh instruments', async () => {
  const sampled = source('sampled');
  await sampled.scrape(DEADLINE_MS);
  const families = await sampled.scrape(DEADLINE_MS);
  const samples = familiesOfReading(families).find(({ name }) => name === 'huatuo_bamai_sampled_samples')
    ?.samples[0];
  assert.equal(samples?.labels.option, '{"a":1}');
  assert.ok(samples.value === 1 || samples.value === 2);
  assert.equal(value(families, 'huatuo_sampled_updates_total'), 1);
});

test('the clock samples without any scrape, and the newest two are kept', async () => {
  const sampled = source('sampled');
  const page = async (): Promise<{ count: number; oldest: number; newest: number }> => {
    const families = await sampled.scrape(DEADLINE_MS);
    return {
      count: value(families, 'huatuo_bamai_sampled_samples') ?? 0,
      oldest: value(families, 'huatuo_sampled_oldest_seconds') ?? 0,
      newest: value(families, 'huatuo_sampled_newest_seconds') ?? 0,
    };
  };
  const pair = await eventually('a second sample', async () => {
    const read = await page();
    return read.count === 2 && read;
  });
  assert.ok(pair.oldest < pair.newest);
  const next = await eventually('two samples that are newer than these', async () => {
    const read = await page();
    assert.equal(read.count, 2);
    return read.oldest > pair.newest && read;
  });
  assert.ok(next.oldest < next.newest);
});

test('the second sample does not wait for the interval, and counters keep what they had reached', async () => {
  const seldom = source('seldom');
  await seldom.ready;
  const seen: number[] = [];
  await eventually('two samples', async () => {
    const families = await seldom.scrape(DEADLINE_MS);
    seen.push(value(families, 'huatuo_seldom_waits_total') ?? 0);
    return value(families, 'huatuo_bamai_seldom_samples') === 2;
  });
  assert.deepEqual(
    seen.toSorted((a, b) => a - b),
    seen,
  );
});

test('refused series are counted over all scrapes', async () => {
  const sampled = source('sampled', 10);
  const refused = async (): Promise<number> =>
    value(await sampled.scrape(DEADLINE_MS), 'huatuo_collector_refused_series_total') ?? 0;
  const first = await refused();
  assert.ok(first >= 10);
  assert.equal(await refused(), 2 * first);
});

test('what a collector keeps outlives the thread that kept it, and the worker that asks', async () => {
  const state = allocateState();
  const remembers = source('remembers', 100, state);
  await remembers.ready;
  assert.equal(value(await remembers.scrape(DEADLINE_MS), 'huatuo_remembers_calls'), 1);
  await assert.rejects(remembers.scrape(DEADLINE_MS), { code: 'COLLECTOR_FAILED' });
  const families = await remembers.scrape(DEADLINE_MS);
  assert.equal(value(families, 'huatuo_remembers_calls'), 3);
  assert.ok((value(families, 'huatuo_remembers_samples') ?? 0) >= 1);
  assert.equal(value(await source('remembers', 100, state).scrape(DEADLINE_MS), 'huatuo_remembers_calls'), 4);
});

describe('a failing file collector tells why', () => {
  test('when update throws, with its code', async () => {
    await assert.rejects(source('throws').scrape(DEADLINE_MS), {
      code: 'SOURCE_UNREADABLE',
      message: /nonexistent/,
    });
  });

  test('when its sample fails', async () => {
    await assert.rejects(source('sample-throws').scrape(DEADLINE_MS), {
      code: 'SOURCE_UNREADABLE',
      message: /nonexistent\/sample/,
    });
  });

  test('when its module is no collector, or is not there', async () => {
    await assert.rejects(source('no-collector').scrape(DEADLINE_MS), { code: 'COLLECTOR_INVALID' });
    await assert.rejects(source('missing').scrape(DEADLINE_MS), { code: 'COLLECTOR_FAILED' });
  });

  test('when it hangs: its thread is ended, the others go on, and it rests', async () => {
    const [hangs, sampled] = [source('hangs'), source('sampled')];
    await sampled.scrape(DEADLINE_MS);
    const [hung, good] = await Promise.allSettled([hangs.scrape(300), sampled.scrape(DEADLINE_MS)]);
    assert.equal(good.status, 'fulfilled');
    assert.ok(hung.status === 'rejected' && hung.reason.code === 'DEADLINE_EXCEEDED');
    // The deadline may have passed while the module was still being loaded: then it hangs in what goes on.
    await eventually('the rest', () =>
      hangs.scrape(300).then(
        () => assert.fail(),
        ({ message }: Error) => /hung 1 times.*again in/.test(message),
      ),
    );
    await sampled.scrape(DEADLINE_MS);
  });

  test('on a host that is very slow: a module has as long to load as a scrape may take', async () => {
    assert.equal(patience_ms(2_000), 5_000);
    assert.equal(patience_ms(60_000), 60_000);
    const hasty = source('slow-module', 100, allocateState(), 100);
    await hasty.ready;
    await assert.rejects(hasty.scrape(DEADLINE_MS), { code: /DEADLINE_EXCEEDED|OVERLOADED/ });
    await source('slow-module').scrape(DEADLINE_MS);
  });

  test('when others hang and no thread is left for it: it does not rest for that', async () => {
    const waits = source('sampled');
    await waits.scrape(DEADLINE_MS);
    // Both threads, for as long as it waits.
    const hanging = [source('hangs'), source('hangs')].map((one) => one.scrape(2000).catch(() => {}));
    const describe = { type: 'describe', collector: waits.collector } as const;
    await eventually('a task without a thread', () =>
      pool.run(describe, 100).then(
        () => false,
        ({ code }: HuatuoError) => code === 'OVERLOADED',
      ),
    );
    await Promise.all(hanging);
    await waits.scrape(DEADLINE_MS);
  });
});
