import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseUdpSockets } from '../../src/procfs/udp-sockets.ts';

test('queues are added up over sockets', () => {
  const text = `   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
  335: 0100007F:0035 00000000:0000 07 00000100:00000300 00:00000000 00000000     0        0 15100 2 0000000000000000 7
 1234: 00000000:0044 00000000:0000 07 00000001:00000002 00:00000000 00000000     0        0 15101 2 0000000000000000 0
`;
  assert.deepEqual(parseUdpSockets(text), { sockets: 2, transmit_bytes: 257, receive_bytes: 770 });
});

test('lines of another shape are passed over', () => {
  assert.deepEqual(parseUdpSockets('title\n1: a b c\n\n'), {
    sockets: 0,
    transmit_bytes: 0,
    receive_bytes: 0,
  });
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom('\n', ' ', ':', '1', 'f', 'x') }), (text) => {
      assert.ok(Object.values(parseUdpSockets(text)).every(Number.isFinite));
    }),
  );
});
