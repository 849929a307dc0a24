/** A collector that has metrics in two threads. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createInstruments } from '../../../src/sdk/instruments.ts';
import { gauge } from '../../../src/sdk/metrics.ts';
import { JoinedSource } from '../../../src/storage/prometheus/joined-source.ts';
import { MetricsPage } from '../../../src/storage/prometheus/page.ts';
import { AnswerReader } from '../../../src/storage/prometheus/reader.ts';
import { renderPage } from '../../../src/storage/prometheus/render.ts';
import type { MetricSource } from '../../../src/storage/prometheus/source.ts';

const NAME = 'both';

/** One series more at each scrape than it may have. */
class Half implements MetricSource {
  readonly name = NAME;
  readonly #set;
  readonly #reader = new AnswerReader();
  error: Error | undefined;

  constructor(metric: string) {
    const specs = { value: gauge({ name: metric, help: 'A value.', labels: ['of'] }) };
    this.#set = createInstruments(NAME, specs, { maxSeries: 1 });
  }

  async scrape() {
    if (this.error) throw this.error;
    for (const of of ['a', 'b']) this.#set.instruments.value.set(7, { of });
    return this.#reader.read(this.#set.collect(this.#reader.token));
  }
}

function lines({ families }: Awaited<ReturnType<Half['scrape']>>): string[] {
  const page = new MetricsPage();
  assert.deepEqual(page.add(NAME, families), []);
  const text = renderPage(page.entries, { region: '', host: '' }, 'text').toString();
  return text.split('\n').filter((line) => line.startsWith('huatuo_') && !line.includes('truncated'));
}

test('both halves are on the page, and what both count is added up', async () => {
  const joined = new JoinedSource(new Half('huatuo_thread'), new Half('huatuo_maps'));
  const first = await joined.scrape(1000);
  assert.deepEqual(lines(first), [
    'huatuo_collector_refused_series_total{collector="both"} 2',
    'huatuo_maps{of="a"} 7',
    'huatuo_thread{of="a"} 7',
  ]);
  const second = await joined.scrape(1000);
  assert.equal(second.families, first.families);
  assert.equal(lines(second)[0], 'huatuo_collector_refused_series_total{collector="both"} 4');
});

test('one half that fails is a scrape that fails', async () => {
  const maps = new Half('huatuo_maps');
  const joined = new JoinedSource(new Half('huatuo_thread'), maps);
  maps.error = new Error('not yet');
  await assert.rejects(joined.scrape(1000), /not yet/);
});
