import assert from 'node:assert/strict';
import { test } from 'node:test';
import { countArpEntries } from '../../src/procfs/arp.ts';

test('entries by device', () => {
  const text = `IP address       HW type     Flags       HW address            Mask     Device
192.0.2.1        0x1         0x2         02:fc:00:00:00:05     *        eth0
192.0.2.2        0x1         0x0         00:00:00:00:00:00     *        eth0
10.0.0.9         0x1         0x2         02:fc:00:00:00:06     *        cni0
`;
  assert.deepEqual(
    [...countArpEntries(text)],
    [
      ['eth0', 2],
      ['cni0', 1],
    ],
  );
  assert.equal(countArpEntries('').size, 0);
});
