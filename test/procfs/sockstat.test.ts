import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseSockstat } from '../../src/procfs/sockstat.ts';

test('fields by protocol', () => {
  const text = `sockets: used 23
TCP: inuse 1 orphan 2 tw 3 alloc 4 mem 101
FRAG6: inuse 0 memory 4096
`;
  assert.deepEqual(Object.fromEntries(parseSockstat(text)), {
    sockets_used: 23,
    TCP_inuse: 1,
    TCP_orphan: 2,
    TCP_tw: 3,
    TCP_alloc: 4,
    TCP_mem: 101,
    FRAG6_inuse: 0,
    FRAG6_memory: 4096,
  });
});

test('a value that is no number, or is missing, costs only itself', () => {
  assert.deepEqual(Object.fromEntries(parseSockstat('TCP: inuse -1 tw 3 alloc\n: x 1\n')), { TCP_tw: 3 });
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom('\n', ' ', ':', '1', 'a') }), (text) => {
      assert.ok([...parseSockstat(text).values()].every(Number.isFinite));
    }),
  );
});
