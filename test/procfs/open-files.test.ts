/** Files that are kept open: what is read is what is there now. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { test } from 'node:test';
import { OpenFiles } from '../../src/procfs/open-files.ts';
import { FixtureProc } from '../support/fixture-proc.ts';

const MAX = 3;
const KEPT = ['/proc/version', '/proc/filesystems', '/proc/sys/kernel/ostype', '/proc/sys/kernel/osrelease'];

/** What this process has open. */
function opened(): string[] {
  return readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      return [readlinkSync(`/proc/self/fd/${fd}`)];
    } catch {
      return [];
    }
  });
}

const kept = (paths: readonly string[]): string[] => paths.filter((path) => opened().includes(path));

test('a file of procfs is opened once and has the text of now at each reading', () => {
  using files = new OpenFiles(MAX);
  const uptimes = Array.from({ length: 3 }, () => Number.parseFloat(files.read('/proc/uptime') ?? ''));
  assert.equal(opened().filter((path) => path === '/proc/uptime').length, 1);
  assert.ok(uptimes[2]! >= uptimes[0]!);
  assert.equal(files.read('/proc/version'), readFileSync('/proc/version', 'utf8'));
  assert.equal(files.read('/proc/version'), readFileSync('/proc/version', 'utf8'));
});

test('a file larger than the room for one is read to its end', () => {
  using files = new OpenFiles(MAX);
  assert.ok((files.read('/proc/kallsyms')?.length ?? Number.POSITIVE_INFINITY) > 64 << 10);
});

test('the ones read last are kept, as many as may be, and none after the end', () => {
  const files = new OpenFiles(MAX);
  for (const path of KEPT) files.read(path);
  assert.deepEqual(kept(KEPT), KEPT.slice(1));
  files.read(KEPT[1] ?? '');
  files.read(KEPT[0] ?? '');
  assert.deepEqual(kept(KEPT), [KEPT[0], KEPT[1], KEPT[3]]);
  files[Symbol.dispose]();
  assert.deepEqual(kept(KEPT), []);
});

test('files of a process, of other file systems and those that are not there are left to others', () => {
  using proc = new FixtureProc();
  proc.write('stat', 'cpu 1');
  using files = new OpenFiles(MAX);
  const paths = [
    `/proc/${process.pid}/stat`,
    '/proc/self/stat',
    `${proc.directory}/stat`,
    '/proc/nonexistent',
    '/proc',
  ];
  for (const path of [...paths, ...paths]) assert.equal(files.read(path), undefined, path);
  assert.deepEqual(kept(paths), []);
});
