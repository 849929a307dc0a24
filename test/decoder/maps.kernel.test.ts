/** Maps of a loaded object, against what this process and a running program put there. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { KernelMap } from '../../src/decoder/maps.ts';
import { libbpf } from '../../src/kernel/libbpf.ts';
import { MapAccess } from '../../src/kernel/map-access.ts';
import { skipWithoutBpf } from '../support/kernel.ts';
import { LoadedFixture } from '../support/loaded-object.ts';
import { rename } from '../support/rename.ts';

const skip = skipWithoutBpf();
const load = (): Promise<LoadedFixture> => LoadedFixture.load('collectors/maps', 'map_kinds');

function mapOf<Key, Value>(fixture: LoadedFixture, name: string): KernelMap<Key, Value> {
  const layout = fixture.layout(name);
  const access = new MapAccess(fixture.mapFd(name), layout);
  // What the supervisor answers over a port, here without the port: its errors are rejections.
  return new KernelMap<Key, Value>(layout, {
    lookup: async (key) => access.lookup(key),
    batch: async (position) => access.batch(position),
    update: async (key, value) => access.update(key, value),
    delete: async (key) => access.delete(key),
  });
}

async function entriesOf<Key, Value>(map: KernelMap<Key, Value>): Promise<(readonly [Key, Value])[]> {
  const entries: (readonly [Key, Value])[] = [];
  for await (const entry of map.entries()) entries.push(entry);
  return entries;
}

test('a hash is read whole, also when it takes several batches', { skip }, async () => {
  using fixture = await load();
  const counts = mapOf<number, number>(fixture, 'counts');
  const written = new Map(Array.from({ length: 3000 }, (_, key) => [key * 7, key * 2 ** 32 + key]));
  for (const [key, value] of written) await counts.set(key, value);
  const read = await entriesOf(counts);
  assert.equal(read.length, written.size, 'no entry twice');
  assert.deepEqual(new Map(read), written);
});

test('an empty hash has no entries', { skip }, async () => {
  using fixture = await load();
  assert.deepEqual(await entriesOf(mapOf(fixture, 'counts')), []);
});

test('an entry is set, read, replaced and deleted by its key; a missing one is undefined', {
  skip,
}, async () => {
  using fixture = await load();
  // Identities stay exact: beyond 2^53, as cgroup ids with a generation are.
  const balances = mapOf<bigint, number>(fixture, 'balances');
  const id = 2n ** 60n + 1n;
  assert.equal(await balances.get(id), undefined);
  await balances.set(id, -5);
  await balances.set(id, -6);
  assert.equal(await balances.get(id), -6);
  assert.deepEqual(await entriesOf(balances), [[id, -6]]);
  assert.equal(await balances.delete(id), true);
  assert.equal(await balances.delete(id), false);
  assert.equal(await balances.get(id), undefined);
});

test('a full hash says so, with its name', { skip }, async () => {
  using fixture = await load();
  const balances = mapOf<bigint, number>(fixture, 'balances');
  for (let key = 0n; key < 16n; key++) await balances.set(key, 1);
  await assert.rejects(balances.set(16n, 1), {
    code: 'SYSCALL_FAILED',
    message: /write map balances.*E2BIG/,
  });
});

test('an array has all its slots, and nothing beyond them', { skip }, async () => {
  using fixture = await load();
  const slots = mapOf<number, number>(fixture, 'slots');
  await slots.set(1, 2 ** 32 - 1);
  assert.deepEqual(await entriesOf(slots), [
    [0, 0],
    [1, 2 ** 32 - 1],
    [2, 0],
  ]);
  assert.equal(await slots.get(3), undefined);
});

test('per-CPU values are one for each CPU, and summed field by field', { skip }, async () => {
  using fixture = await load();
  await fixture.object.attach();
  for (const name of ['map:a', 'map:b', 'map:cc']) rename(name);
  await fixture.object.detach();

  type Renames = { readonly total_ns: number; readonly by_parity: readonly number[] };
  const renames = mapOf<number, Renames>(fixture, 'renames');
  assert.deepEqual(await renames.get(1), { total_ns: 3000, by_parity: [1, 2] });
  assert.deepEqual(await renames.get(0), { total_ns: 0, by_parity: [0, 0] });
  const each = await renames.perCpu(1);
  assert.equal(each.length, libbpf().libbpf_num_possible_cpus());
  assert.equal(
    each.reduce((sum, { total_ns }) => sum + total_ns, 0),
    3000,
  );

  const byLength = mapOf<number, number>(fixture, 'renames_by_length');
  assert.deepEqual(
    new Map(await entriesOf(byLength)),
    new Map([
      [5, 2],
      [6, 1],
    ]),
  );
  assert.equal(await byLength.get(5), 2);
  assert.deepEqual(await byLength.perCpu(99), []);
});

test('a per-CPU map cannot be written from here', { skip }, async (t) => {
  if (libbpf().libbpf_num_possible_cpus() === 1) return t.skip('one CPU: a per-CPU value is like any other');
  using fixture = await load();
  const byLength = mapOf<number, number>(fixture, 'renames_by_length');
  await assert.rejects(byLength.set(1, 1), { code: 'SYSCALL_FAILED', message: /only programs write/ });
});

test('a detached program counts nothing any more', { skip }, async () => {
  using fixture = await load();
  await fixture.object.attach();
  rename('map:a');
  await fixture.object.detach();
  rename('map:b');
  assert.deepEqual(await entriesOf(mapOf(fixture, 'renames_by_length')), [[5, 1]]);
});
