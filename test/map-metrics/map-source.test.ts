/** Maps that the Prometheus thread reads: one question for all collectors, and what becomes of an object that is replaced. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { ContainersClient } from '../../src/containers/client.ts';
import { HuatuoError } from '../../src/error.ts';
import { type MapReadCalls, MapReads } from '../../src/map-metrics/map-reads.ts';
import { MapSource } from '../../src/map-metrics/map-source.ts';
import { allocateSeries } from '../../src/sdk/kept-series.ts';
import { dropsMap } from '../support/drops-map.ts';
import { familiesOfReading } from '../support/families.ts';

const MAP = dropsMap();

const refuse = (): Promise<never> => Promise.reject(new TypeError('not asked'));

/** The supervisor: objects by collector, one of which can fail. */
class Supervisor implements MapReadCalls {
  readonly objects: Record<string, { number: number; drops: bigint }> = {};
  readonly questions: string[][] = [];
  readonly mapLookup = refuse;
  readonly mapBatch = refuse;
  readonly mapUpdate = refuse;
  readonly mapDelete = refuse;

  readMaps: MapReadCalls['readMaps'] = async (wishes) => {
    this.questions.push(wishes.map(({ collector }) => collector));
    return wishes.map(({ collector, maps }) => {
      const object = this.objects[collector];
      if (!object) return { type: 'failed', error: HuatuoError.toWire(starting()) };
      const values = new Uint8Array(BigUint64Array.of(object.drops).buffer);
      return {
        type: 'read',
        object: object.number,
        batches: maps.map(() => ({ count: 1, keys: new Uint8Array(4), values })),
      };
    });
  };

  source(name: string, reads: MapReads): MapSource {
    const collector = { name, id: 1, maps: [MAP], maxSeries: 10, series: allocateSeries() };
    const containers = new ContainersClient(0);
    return new MapSource(collector, { reads, containers, sysfs: '/nonexistent', keepGone_ms: 0 });
  }
}

function starting(): HuatuoError {
  return new HuatuoError('COLLECTOR_STARTING', { expected: 'a', found: 'b', remedy: 'c' });
}

async function drops(source: MapSource): Promise<number | undefined> {
  const families = familiesOfReading(await source.scrape(1_000));
  return families.find(({ name }) => name === 'test_drops_total')?.samples[0]?.value;
}

test('what several collectors are asked for at once is one question, and one that fails costs itself', async () => {
  const supervisor = new Supervisor();
  const reads = new MapReads(supervisor);
  const [a, b, c] = ['a', 'b', 'c'].map((name) => supervisor.source(name, reads));
  supervisor.objects.a = { number: 1, drops: 5n };
  supervisor.objects.c = { number: 2, drops: 7n };
  assert.ok(a && b && c);
  const [of_a, of_b, of_c] = await Promise.allSettled([drops(a), drops(b), drops(c)]);
  assert.deepEqual(supervisor.questions, [['a', 'b', 'c']]);
  assert.deepEqual(of_a, { status: 'fulfilled', value: 5 });
  assert.equal(of_b?.status === 'rejected' && (of_b.reason as HuatuoError).code, 'COLLECTOR_STARTING');
  assert.deepEqual(of_c, { status: 'fulfilled', value: 7 });
});

test('the maps of another object begin anew', async () => {
  const supervisor = new Supervisor();
  const source = supervisor.source('a', new MapReads(supervisor));
  supervisor.objects.a = { number: 1, drops: 5n };
  assert.equal(await drops(source), 5);
  supervisor.objects.a = { number: 2, drops: 1n };
  assert.equal(await drops(source), 1);
});

test('a main thread that is gone fails each of them, and the next scrape asks again', async () => {
  const supervisor = new Supervisor();
  const reads = new MapReads(supervisor);
  const [a, b] = [supervisor.source('a', reads), supervisor.source('b', reads)];
  supervisor.objects.a = { number: 1, drops: 5n };
  const { readMaps } = supervisor;
  supervisor.readMaps = () => Promise.reject(starting());
  await assert.rejects(a.scrape(1_000), { code: 'COLLECTOR_STARTING' });
  await assert.rejects(b.scrape(1_000), { code: 'COLLECTOR_STARTING' });
  supervisor.readMaps = readMaps;
  assert.equal(await drops(a), 5);
});
