import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { othersFiles } from '../../src/procfs/others-files.ts';

const procfs = mkdtempSync(join(tmpdir(), 'huatuo-others-'));
after(() => rmSync(procfs, { recursive: true }));

function put(path: string, ...lines: readonly string[]): void {
  mkdirSync(dirname(join(procfs, path)), { recursive: true });
  writeFileSync(join(procfs, path), `${lines.join('\n')}\n`);
}

function code(start: number, device: string, inode: number, path: string): string {
  return `${start.toString(16)}000-${start.toString(16)}fff r-xp 00000000 ${device} ${inode} ${path}`;
}

put('self/mountinfo', '22 1 254:1 / / rw - ext4 /dev/vda rw', '23 22 0:40 / /mnt rw - fuse.sshfs there:/ rw');
put('self/maps', code(1, 'fe:01', 7, '/lib/libc.so.6'));
put('30/maps', code(2, 'fe:01', 8, '/bin/old'), code(3, 'fe:01', 7, '/lib/libc.so.6'));
put(
  '200/maps',
  code(4, 'fe:01', 9, '/bin/new'),
  code(5, '00:28', 3, '/mnt/hangs'),
  code(6, '00:99', 4, '/x'),
);

test('the agent’s own files come first, then those of the newest process, each once', () => {
  assert.deepEqual(
    [...othersFiles(procfs)].map(({ name }) => name),
    ['libc.so.6', 'new', 'old'],
  );
});

test('a file that a process or another host serves is not opened for others, nor one the agent has not mounted', () => {
  const names = [...othersFiles(procfs)].map(({ name }) => name);
  assert.ok(!names.includes('hangs') && !names.includes('x'));
});
