import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseSoftnet } from '../../src/procfs/softnet.ts';

test('rows say which CPU they are of: those that are off line have none', () => {
  const text = `003f5630 00000001 00000002 00000000 00000000 00000000 00000000 00000000 00000000 00000003 00000004 00000005 00000000 00000000 00000000
021d5e49 00000000 00000006 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000003
`;
  assert.deepEqual(parseSoftnet(text), [
    {
      cpu: 0,
      processed: 0x3f5630,
      dropped: 1,
      timeSqueezed: 2,
      receivedRps: 3,
      flowLimited: 4,
      backlog: 5,
    },
    {
      cpu: 3,
      processed: 0x21d5e49,
      dropped: 0,
      timeSqueezed: 6,
      receivedRps: 0,
      flowLimited: 0,
      backlog: 0,
    },
  ]);
});

test('rows of kernels that do not say which CPU they are of are left out', () => {
  assert.deepEqual(parseSoftnet(`${Array(11).fill('00000001').join(' ')}\n`), []);
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom('\n', ' ', '1', 'f', 'x') }), (text) => {
      for (const row of parseSoftnet(text)) assert.ok(Object.values(row).every(Number.isFinite));
    }),
  );
});
