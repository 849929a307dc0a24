import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseXfsStats } from '../../src/procfs/xfs-stats.ts';

test('numbers get their names; lines that are not known and numbers that are new are passed over', () => {
  const stats = parseXfsStats(
    'extent_alloc 1 2 3 4 5\nrw 28 29\nvnodes 6 0 0 0 7\nxpc 399724544 92823103 86219234\ndefer_relog 5\nconstructor 1\n',
  );
  assert.equal(stats.get('extent_allocation_blocks_freed'), 4);
  assert.equal(stats.get('read_calls'), 29);
  assert.equal(stats.get('vnode_active'), 6);
  assert.equal(stats.get('vnode_release'), 7);
  assert.equal(stats.get('vnode_remove'), undefined);
  assert.equal(stats.get('read_bytes'), 86_219_234);
  assert.equal(stats.size, 4 + 2 + 5 + 3);
  fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => void parseXfsStats(text)));
});
