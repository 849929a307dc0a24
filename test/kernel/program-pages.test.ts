import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { droppable, unmapProgramPages } from '../../src/kernel/program-pages.ts';

function mapping(range: string, mode: string, file: string, anonymous_kb: number): string {
  return `${range} ${mode} 00000000 fe:00 42      ${file}\nRss:   64 kB\nAnonymous:      ${anonymous_kb} kB\nVmFlags: rd\n`;
}

test('program text and constants are dropped, and nothing that would not come back', () => {
  const smaps = [
    mapping('00400000-00600000', 'r--p', '/opt/node with space', 0),
    mapping('00600000-00800000', 'r-xp', '/opt/node', 0),
    // Relocated when it was loaded; a uprobe's breakpoint; data.
    mapping('00800000-00900000', 'r--p', '/opt/node', 4),
    mapping('00900000-00a00000', 'r-xp', '/opt/lib.so', 12),
    mapping('00a00000-00b00000', 'rw-p', '/opt/node', 0),
    mapping('00b00000-00c00000', 'r--s', '/dev/shm/ring', 0),
    mapping('00c00000-00d00000', 'r-xp', '[vdso]', 0),
    mapping('00d00000-00e00000', 'r--p', '', 0),
  ].join('');
  assert.deepEqual(droppable(smaps), [
    { start: 0x400000n, end: 0x600000n },
    { start: 0x600000n, end: 0x800000n },
  ]);
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
