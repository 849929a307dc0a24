import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseBuddyinfo } from '../../src/procfs/buddyinfo.ts';

test('one line is a zone of a node, one number an order', () => {
  const text = [
    'Node 0, zone      DMA      0      0      3 ',
    'Node 10, zone   Normal    321    337  14684 ',
    'nonsense',
    'Node 1, zone',
    '',
  ].join('\n');
  assert.deepEqual(parseBuddyinfo(text), [
    { node: '0', zone: 'DMA', blocks: [0, 0, 3] },
    { node: '10', zone: 'Normal', blocks: [321, 337, 14684] },
  ]);
});

test('this host has memory in some zone; any text is read', () => {
  const zones = parseBuddyinfo(readFileSync('/proc/buddyinfo', 'utf8'));
  assert.ok(zones.length > 0 && zones.every(({ blocks }) => blocks.length >= 9));
  fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => void parseBuddyinfo(text)));
});
