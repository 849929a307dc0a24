/** What a page costs its thread at the bounds: maps with as many entries as that thread reads, and text that takes two bytes a character. */
import { ContainersClient } from '../../src/containers/client.ts';
import { MapReads } from '../../src/map-metrics/map-reads.ts';
import { MapSource } from '../../src/map-metrics/map-source.ts';
import { allocateSeries } from '../../src/sdk/kept-series.ts';
import { answerOf, gauge } from '../../src/storage/prometheus/own-family.ts';
import { MetricsPage } from '../../src/storage/prometheus/page.ts';
import { AnswerReader } from '../../src/storage/prometheus/reader.ts';
import { renderPage } from '../../src/storage/prometheus/render.ts';
import { dropsMap } from '../support/drops-map.ts';
import { median, type Row } from './report.ts';

/** As in src/catalog/read-collector.ts. */
const ENTRIES = 1 << 16;
const MAX_SERIES = 10_000;
const SERIES = 50_000;
const ROUNDS = 20;

export async function benchPageBounds(): Promise<Row[]> {
  return [await mapEntries(), wideText()];
}

/** Without the system calls, which the main thread makes. */
async function mapEntries(): Promise<Row> {
  const refuse = (): Promise<never> => Promise.reject(new TypeError('not asked'));
  const keys = new Uint8Array(Uint32Array.from({ length: ENTRIES }, (_, id) => id).buffer);
  const batch = { count: ENTRIES, keys, values: new Uint8Array(ENTRIES * BigUint64Array.BYTES_PER_ELEMENT) };
  const reads = new MapReads({
    readMaps: async () => [{ type: 'read', object: 1, batches: [batch] }],
    ...{ mapLookup: refuse, mapBatch: refuse, mapUpdate: refuse, mapDelete: refuse },
  });
  const maps = [dropsMap({ maxEntries: ENTRIES })];
  const collector = { name: 'large', id: 1, maps, maxSeries: MAX_SERIES, series: allocateSeries() };
  const containers = new ContainersClient(0);
  const source = new MapSource(collector, { reads, containers, sysfs: '/sys', keepGone_ms: 0 });
  const cpu_ms: number[] = [];
  for (let round = 0; round < ROUNDS; round++) cpu_ms.push(await cpuOf(() => source.scrape(60_000)));
  containers.close();
  const each_us = (median(cpu_ms) * 1000) / ENTRIES;
  return {
    name: `scrape, a map of ${ENTRIES} entries`,
    measured: `${median(cpu_ms).toFixed(0)} ms of CPU in the Prometheus thread, ${each_us.toFixed(1)} µs an entry`,
    verdict: 'info',
  };
}

function wideText(): Row {
  const pages = { narrow: entriesOf('disk'), wide: entriesOf('磁盘') };
  const times_ms = { narrow: [] as number[], wide: [] as number[] };
  for (let round = 0; round < ROUNDS; round++)
    for (const text of ['narrow', 'wide'] as const) times_ms[text].push(rendered_ms(pages[text]));
  const [before, after] = [median(times_ms.narrow), median(times_ms.wide)];
  return {
    name: `scrape, ${SERIES} samples, one beyond latin1`,
    measured: `${before.toFixed(1)} → ${after.toFixed(1)} ms for the text of the page`,
    verdict: 'info',
  };
}

/** @param device of the last series */
function entriesOf(device: string): MetricsPage['entries'] {
  const samples = Array.from({ length: SERIES }, (_, index) => ({
    labels: { container_name: `shop-web-${index % 100}`, device: `eth${index}` },
    value: index * 1.5,
  }));
  const last = { labels: { container_name: 'shop', device }, value: 1 };
  const page = new MetricsPage();
  page.add(
    'bench',
    new AnswerReader().read(answerOf([gauge('huatuo_x', 'A value.', [...samples, last])])).families,
  );
  return page.entries;
}

function rendered_ms(entries: MetricsPage['entries']): number {
  const start = performance.now();
  Buffer.from(renderPage(entries, { region: 'r', host: 'h' }, 'text'));
  return performance.now() - start;
}

async function cpuOf(run: () => Promise<unknown>): Promise<number> {
  const before = process.cpuUsage();
  await run();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}
