import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseSlabinfo } from '../../src/procfs/slabinfo.ts';

const HEAD =
  'slabinfo - version: 2.1\n# name            <active_objs> <num_objs> <objsize> <objperslab> <pagesperslab> : tunables <limit> <batchcount> <sharedfactor> : slabdata <active_slabs> <num_slabs> <sharedavail>\n';

test('a cache has its slabs times their pages', () => {
  const line =
    'ext4_inode_cache   1200   1456   1176   27    8 : tunables    0    0    0 : slabdata     54     56      0\n';
  assert.deepEqual(parseSlabinfo(HEAD + line), [
    { name: 'ext4_inode_cache', active_objects: 1200, objects: 1456, pages: 448 },
  ]);
  assert.deepEqual(parseSlabinfo('x 1 2 3 4 5 : tunables 0 0 0\n'), []);
  fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => void parseSlabinfo(text)));
});
