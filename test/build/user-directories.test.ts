import assert from 'node:assert/strict';
import { symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { checkDirectories } from '../../src/build/user-directories.ts';
import { HuatuoError } from '../../src/error.ts';
import { temporaryDirectory } from './compiled.ts';

function refused(sources: string, out: string, message: RegExp): void {
  assert.throws(
    () => checkDirectories(sources, out),
    (error) => error instanceof HuatuoError && error.code === 'BUILD_FAILED' && message.test(error.message),
  );
}

test('the sources are a directory that can be read', () => {
  using directory = temporaryDirectory();
  const file = join(directory.path, 'file');
  writeFileSync(file, '');
  refused(
    '/nonexistent',
    directory.path,
    /^expected a readable directory .*found ENOENT.*; name the directory/,
  );
  refused(file, directory.path, /found ENOTDIR/);
});

test('the result has a directory of its own', () => {
  using directory = temporaryDirectory();
  const link = join(directory.path, 'link');
  symlinkSync(directory.path, link);
  const file = join(directory.path, 'file');
  writeFileSync(file, '');
  for (const out of [directory.path, link])
    refused(directory.path, out, /found .*, which is that of the sources; name another with --out/);
  refused(directory.path, file, /found .*file, which is another kind of file/);
  checkDirectories(directory.path, join(directory.path, 'new'));
});
