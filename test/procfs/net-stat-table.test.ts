import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseNetStatTable } from '../../src/procfs/net-stat-table.ts';

test('columns are added up over CPUs, but for entries, which each row has whole', () => {
  const text = `entries  clashres found new
0000001f  00000001 0000000a 00000000
0000001f  00000002 0000000b 00000000
`;
  assert.deepEqual(Object.fromEntries(parseNetStatTable(text)), {
    entries: 31,
    clashres: 3,
    found: 21,
    new: 0,
  });
});

test('a column without a value has no sum, and no text does any harm', () => {
  assert.deepEqual(Object.fromEntries(parseNetStatTable('entries allocs\n00000002\n')), { entries: 2 });
  assert.equal(parseNetStatTable('').size, 0);
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom('\n', ' ', '1', 'f', 'x') }), (text) => {
      assert.ok([...parseNetStatTable(text).values()].every(Number.isFinite));
    }),
  );
});
