import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseNetDev } from '../../src/procfs/net-dev.ts';

const TITLE = `Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
`;

test('a line for each device, with and without space behind the colon', () => {
  const text = `${TITLE}    lo: 3017082863  879606    0    0    0     0          0         0 3017082863  879606    0    0    0     0       0          0
enp0s31f6:2805601797   69267    1    2    3     4          5         6  5686590   47926    7    8    9     10       11          12
`;
  const devices = parseNetDev(text);
  assert.deepEqual([...devices.keys()], ['lo', 'enp0s31f6']);
  assert.deepEqual(devices.get('enp0s31f6'), {
    receive_bytes: 2805601797,
    receive_packets: 69267,
    receive_errors: 1,
    receive_dropped: 2,
    receive_fifo: 3,
    receive_frame: 4,
    receive_compressed: 5,
    receive_multicast: 6,
    transmit_bytes: 5686590,
    transmit_packets: 47926,
    transmit_errors: 7,
    transmit_dropped: 8,
    transmit_fifo: 9,
    transmit_colls: 10,
    transmit_carrier: 11,
    transmit_compressed: 12,
  });
});

test('devices that are not wanted are left out, columns of later kernels too', () => {
  const row = Array(20).fill('7').join(' ');
  const devices = parseNetDev(`${TITLE}eth0: ${row}\nveth1: ${row}\n`, (name) => name === 'eth0');
  assert.deepEqual([...devices.keys()], ['eth0']);
  assert.equal(devices.get('eth0')?.transmit_compressed, 7);
});

test('no text makes it do anything but skip', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom('\n', ' ', ':', '1', 'a', '-') }), (text) => {
      for (const counters of parseNetDev(TITLE + text).values())
        assert.ok(Object.values(counters).every(Number.isFinite));
    }),
  );
  assert.equal(parseNetDev('').size, 0);
});

test('this host', () => {
  assert.ok(parseNetDev(readFileSync('/proc/self/net/dev', 'utf8')).has('lo'));
});
