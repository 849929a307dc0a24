import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Journal } from '../../../src/storage/journal/journal.ts';
import { isSystemDirectory, requireOwnDirectory } from '../../../src/storage/journal/own-directory.ts';
import { segmentName } from '../../../src/storage/journal/segment.ts';
import { journalOptions, memoryLog, tempDirectory } from './fixture.ts';

const SYSTEM = [
  '/',
  '/etc',
  '/etc/',
  '/etc/huatuo',
  '/var',
  '/var/lib',
  '/var/log/',
  '/usr/local',
  '/proc/1',
  '/sys/fs',
  '/tmp',
];
for (const path of SYSTEM)
  test(`${path} is the system's`, () => {
    assert.ok(isSystemDirectory(path));
    assert.throws(() => requireOwnDirectory(path), {
      code: 'CONFIG_INVALID',
      message: /expected .*found .*set journal.directory/,
    });
  });

for (const path of [
  '/var/lib/huatuo',
  '/var/lib/huatuo/journal',
  '/var/log/huatuo/',
  '/data',
  '/mnt/disk',
  '/opt/huatuo/journal',
  '/tmp/x',
])
  test(`${path} may be a journal`, () => assert.equal(isSystemDirectory(path), false));

test('a directory with other things in it is refused, with their names and the remedy', () => {
  using temp = tempDirectory();
  for (const name of ['a', 'b', 'c', 'd']) mkdirSync(join(temp.path, name));
  assert.throws(() => requireOwnDirectory(temp.path), {
    code: 'CONFIG_INVALID',
    message: new RegExp(`with "a", "b", "c" and 1 more in it; .*${join(temp.path, 'huatuo')}`),
  });
});

test('one that is missing, empty, a new file system or a journal is taken, with things of others beside it too', async () => {
  using temp = tempDirectory();
  requireOwnDirectory(join(temp.path, 'missing'));
  requireOwnDirectory(temp.path);
  mkdirSync(join(temp.path, 'lost+found'));
  requireOwnDirectory(temp.path);
  await new Journal(journalOptions(temp.path), memoryLog()).close();
  mkdirSync(join(temp.path, 'etc'));
  requireOwnDirectory(temp.path);
});

test('segments alone are a journal: one that was copied without its dot files', () => {
  using temp = tempDirectory();
  mkdirSync(join(temp.path, 'oom'));
  writeFileSync(join(temp.path, 'oom', segmentName(0)), '');
  requireOwnDirectory(temp.path);
});
