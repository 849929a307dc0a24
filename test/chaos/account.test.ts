import assert from 'node:assert/strict';
import test from 'node:test';
import { account, RingDocuments } from './account.ts';
import type { RingCounts } from './witness.ts';

const STRIDE = 64;
const NONE = new RingDocuments();
const KEPT = { abandoned: false, repeats: 0 };

/** Ten events, all committed. */
const TEN: RingCounts = {
  attempted: 10n,
  produced: 10n,
  dropped_ring_full: 0n,
  rate_limited: 0n,
  journalled: 10n,
  malformed: 0n,
  consumer: 640n,
  producer: 640n,
};

function documents(...sequences: readonly number[]): RingDocuments {
  const all = new RingDocuments();
  for (const sequence of sequences) all.add(sequence * STRIDE, sequence);
  return all;
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, sequence) => sequence);

test('a ring of which everything is on disk has nothing to explain', () => {
  const { faults, ...numbers } = account(TEN, documents(...upTo(10)), NONE, KEPT, STRIDE);
  assert.deepEqual(faults, []);
  assert.deepEqual([numbers.on_disk, numbers.duplicates, numbers.unexplained], [10, 0, 0]);
});

test('an event that is not on disk and that no counter explains is unexplained loss', () => {
  const { faults, unexplained } = account(TEN, documents(...upTo(9)), NONE, KEPT, STRIDE);
  assert.equal(unexplained, 1);
  assert.match(faults.join('\n'), /unexplained loss: 1, expected 0/);
});

test('an event that the ledger never heard of is found although the ledger closes', () => {
  const { faults } = account({ ...TEN, attempted: 11n }, documents(...upTo(10)), NONE, KEPT, STRIDE);
  assert.match(faults.join('\n'), /attempts of the program: 10, expected 11/);
});

test('drops and sampled events that are counted are explained', () => {
  const counts = { ...TEN, attempted: 15n, produced: 15n, dropped_ring_full: 3n, rate_limited: 2n };
  const { faults, ring_full, rate_limited } = account(counts, documents(...upTo(10)), NONE, KEPT, STRIDE);
  assert.deepEqual([faults, ring_full, rate_limited], [[], 3, 2]);
});

test('what waits in a ring is lost with an agent that was killed without pins, and only then', () => {
  // Of the four that were not committed one was written.
  const counts = { ...TEN, journalled: 6n, consumer: 384n };
  const abandoned = account(counts, documents(...upTo(7)), NONE, { ...KEPT, abandoned: true }, STRIDE);
  assert.deepEqual([abandoned.faults, abandoned.killed, abandoned.unexplained], [[], 3, 0]);
  const kept = account(counts, documents(...upTo(7)), NONE, KEPT, STRIDE);
  assert.match(kept.faults.join('\n'), /records nobody has read: 4/);
  assert.equal(kept.unexplained, 3);
});

test('a committed event that is not on disk is loss even when the agent was killed', () => {
  const counts = { ...TEN, journalled: 6n, consumer: 384n };
  const { unexplained } = account(
    counts,
    documents(0, 1, 2, 3, 4),
    NONE,
    { ...KEPT, abandoned: true },
    STRIDE,
  );
  assert.equal(unexplained, 1);
});

test('an event is on disk twice only where that is explained, and under one id', () => {
  const twice = documents(...upTo(10), 4);
  assert.match(account(TEN, twice, NONE, KEPT, STRIDE).faults.join('\n'), /on disk 2 times/);
  const explained = account(TEN, twice, NONE, { ...KEPT, repeats: 1 }, STRIDE);
  assert.deepEqual([explained.faults, explained.duplicates], [[], 1]);
  const renamed = documents(...upTo(9));
  renamed.add(9 * STRIDE, 0);
  assert.match(account(TEN, renamed, NONE, KEPT, STRIDE).faults.join('\n'), /sequence numbers on disk/);
});

test('what a fault has taken from the disk is explained, and nothing beside it', () => {
  const gone = documents(7, 8, 9);
  const explained = account(TEN, documents(...upTo(7)), gone, KEPT, STRIDE);
  assert.deepEqual([explained.faults, explained.on_disk, explained.taken], [[], 7, 3]);
  assert.equal(account(TEN, documents(...upTo(6)), gone, KEPT, STRIDE).unexplained, 1);
  // On disk a second time, because it was sent again, it is not gone.
  assert.equal(account(TEN, documents(...upTo(8)), gone, { ...KEPT, repeats: 1 }, STRIDE).taken, 2);
});
