import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { droppable, unmapProgramPages } from '../../src/kernel/program-pages.ts';

function mapping(
  range: string,
  mode: string,
  file: string,
  own: { anonymous?: number; swap?: number } = {},
): string {
  const { anonymous = 0, swap = 0 } = own;
  return `${range} ${mode} 00000000 fe:00 42      ${file}\nRss:   64 kB\nAnonymous:      ${anonymous} kB\nSwap:      ${swap} kB\nVmFlags: rd\n`;
}

test('text and constants of the program are dropped, and nothing that would not come back', () => {
  const node = '/opt/node with space';
  const smaps = [
    mapping('00400000-00600000', 'r--p', node),
    mapping('00600000-00800000', 'r-xp', node),
    // Relocated when it was loaded, also where that is swapped out; a uprobe's breakpoint; data.
    mapping('00800000-00900000', 'r--p', node, { anonymous: 4 }),
    mapping('00900000-00a00000', 'r--p', node, { swap: 44 }),
    mapping('00a00000-00b00000', 'r-xp', node, { anonymous: 12 }),
    mapping('00b00000-00c00000', 'rw-p', node),
    // What may be unloaded, and another file of a longer name.
    mapping('00c00000-00d00000', 'r-xp', '/opt/lib.so'),
    mapping('00d00000-00e00000', 'r-xp', `${node} too`),
    mapping('00e00000-00f00000', 'r--s', '/dev/shm/ring'),
    mapping('00f00000-01000000', 'r-xp', '[vdso]'),
    mapping('01000000-01100000', 'r--p', ''),
  ].join('');
  assert.deepEqual(droppable(smaps, node), [
    { start: 0x400000n, end: 0x600000n },
    { start: 0x600000n, end: 0x800000n },
  ]);
  const replaced = `${node} (deleted)`;
  assert.equal(droppable(mapping('00400000-00600000', 'r-xp', replaced), replaced).length, 1);
});

test('the process goes on with fewer pages of files', () => {
  const before_kb = filePages_kb();
  unmapProgramPages();
  const after_kb = filePages_kb();
  assert.ok(after_kb < before_kb / 2, `${before_kb} kB before, ${after_kb} kB after`);
  assert.equal(JSON.stringify({ still: [1, 2, 3].map((n) => n * 2) }), '{"still":[2,4,6]}');
});

function filePages_kb(): number {
  return Number(/^RssFile:\s+(\d+)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]);
}
