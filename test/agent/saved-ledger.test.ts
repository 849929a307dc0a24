import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ActorStats } from '../../src/actor/stats.ts';
import { type RingRow, withSaved } from '../../src/agent/saved-ledger.ts';

const RING: RingRow = {
  collector: 'oom',
  produced: '10',
  journalled: '6',
  dropped_ring_full: '0',
  rate_limited: '0',
  malformed: '4',
  pending_bytes: '0',
  difference: '0',
};

test('what is too large for the journal is no malformed record, whether it came by the ring or was saved', () => {
  const stats = new ActorStats(ActorStats.allocate());
  stats.add('oversized', 3);
  stats.add('saved_produced', 2);
  stats.add('saved_oversized', 2);
  const row = withSaved('oom', RING, stats);
  assert.equal(row?.malformed, '1');
  assert.equal(row?.dropped_oversized, '5');
  assert.equal(row?.produced, '12');
  assert.equal(row?.difference, '0');
});

test('a ring that was made anew has none of what its predecessor left out', () => {
  const stats = new ActorStats(ActorStats.allocate());
  stats.add('oversized', 3);
  const row = withSaved('oom', { ...RING, malformed: '1' }, stats);
  assert.equal(row?.malformed, '0');
  assert.equal(row?.dropped_oversized, '1');
  assert.equal(withSaved('oom', undefined, stats), undefined);
});
