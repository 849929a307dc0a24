/** Maps of a loaded object, against what this process and a running program put there. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { libbpf } from '../../src/kernel/libbpf.ts';
import { KernelMap } from '../../src/kernel/maps.ts';
import { skipWithoutBpf } from '../support/kernel.ts';
import { LoadedFixture } from '../support/loaded-object.ts';
import { rename } from '../support/rename.ts';

const skip = skipWithoutBpf();
const load = (): Promise<LoadedFixture> => LoadedFixture.load('collectors/maps', 'map_kinds');

function mapOf<Key, Value>(fixture: LoadedFixture, name: string): KernelMap<Key, Value> {
  return new KernelMap<Key, Value>(fixture.mapFd(name), fixture.layout(name));
}

test('a hash is read whole, also when it takes several batches', { skip }, async () => {
  using fixture = await load();
  const counts = mapOf<number, number>(fixture, 'counts');
  const written = new Map(Array.from({ length: 3000 }, (_, key) => [key * 7, key * 2 ** 32 + key]));
  for (const [key, value] of written) counts.set(key, value);
  const read = [...counts.entries()];
  assert.equal(read.length, written.size, 'no entry twice');
  assert.deepEqual(new Map(read), written);
});

test('an empty hash has no entries', { skip }, async () => {
  using fixture = await load();
  assert.deepEqual([...mapOf(fixture, 'counts').entries()], []);
});

test('an entry is set, read, replaced and deleted by its key; a missing one is undefined', {
  skip,
}, async () => {
  using fixture = await load();
  // Identities stay exact: beyond 2^53, as cgroup ids with a generation are.
  const balances = mapOf<bigint, number>(fixture, 'balances');
  const id = 2n ** 60n + 1n;
  assert.equal(balances.get(id), undefined);
  balances.set(id, -5);
  balances.set(id, -6);
  assert.equal(balances.get(id), -6);
  assert.deepEqual([...balances.entries()], [[id, -6]]);
  assert.equal(balances.delete(id), true);
  assert.equal(balances.delete(id), false);
  assert.equal(balances.get(id), undefined);
});

test('a full hash says so, with its name', { skip }, async () => {
  using fixture = await load();
  const balances = mapOf<bigint, number>(fixture, 'balances');
  for (let key = 0n; key < 16n; key++) balances.set(key, 1);
  assert.throws(() => balances.set(16n, 1), { code: 'SYSCALL_FAILED', message: /write map balances.*E2BIG/ });
});

test('an array has all its slots, and nothing beyond them', { skip }, async () => {
  using fixture = await load();
  const slots = mapOf<number, number>(fixture, 'slots');
  slots.set(1, 2 ** 32 - 1);
  assert.deepEqual(
    [...slots.entries()],
    [
      [0, 0],
      [1, 2 ** 32 - 1],
      [2, 0],
    ],
  );
  assert.equal(slots.get(3), undefined);
});

test('per-CPU values are one for each CPU, and summed field by field', { skip }, async () => {
  using fixture = await load();
  fixture.object.attach();
  for (const name of ['map:a', 'map:b', 'map:cc']) rename(name);
  fixture.object.detach();

  type Renames = { readonly total_ns: number; readonly by_parity: readonly number[] };
  const renames = mapOf<number, Renames>(fixture, 'renames');
  assert.deepEqual(renames.get(1), { total_ns: 3000, by_parity: [1, 2] });
  assert.deepEqual(renames.get(0), { total_ns: 0, by_parity: [0, 0] });
  const each = renames.perCpu(1);
  assert.equal(each.length, libbpf().libbpf_num_possible_cpus());
  assert.equal(
    each.reduce((sum, { total_ns }) => sum + total_ns, 0),
    3000,
  );

  const byLength = mapOf<number, number>(fixture, 'renames_by_length');
  assert.deepEqual(
    new Map(byLength.entries()),
    new Map([
      [5, 2],
      [6, 1],
    ]),
  );
  assert.equal(byLength.get(5), 2);
  assert.deepEqual(byLength.perCpu(99), []);
});

test('a per-CPU map cannot be written from here', { skip }, async (t) => {
  if (libbpf().libbpf_num_possible_cpus() === 1) return t.skip('one CPU: a per-CPU value is like any other');
  using fixture = await load();
  const byLength = mapOf<number, number>(fixture, 'renames_by_length');
  assert.throws(() => byLength.set(1, 1), { code: 'SYSCALL_FAILED', message: /only programs write/ });
});

test('a detached program counts nothing any more', { skip }, async () => {
  using fixture = await load();
  fixture.object.attach();
  rename('map:a');
  fixture.object.detach();
  rename('map:b');
  assert.deepEqual([...mapOf(fixture, 'renames_by_length').entries()], [[5, 1]]);
});
