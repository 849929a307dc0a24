/** Where `huatuo profile` writes: whole files, and never through a link. */
import assert from 'node:assert/strict';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { requireWritable, writeOutput } from '../../src/cli/output-file.ts';
import { tempDirectory } from '../storage/journal/fixture.ts';

test('asking whether a file can be written makes and changes nothing', () => {
  using temp = tempDirectory();
  const [target, link] = [join(temp.path, 'target'), join(temp.path, 'flame.html')];
  symlinkSync(target, link);
  requireWritable(link);
  assert.deepEqual(readdirSync(temp.path), ['flame.html']);
  assert.ok(lstatSync(link).isSymbolicLink());
});

test('a link in the place of the file is replaced, and what it leads to stays as it is', () => {
  using temp = tempDirectory();
  const [target, link] = [join(temp.path, 'target'), join(temp.path, 'flame.html')];
  writeFileSync(target, 'of another user');
  symlinkSync(target, link);
  writeOutput(link, 'flames');
  assert.equal(readFileSync(link, 'utf8'), 'flames');
  assert.ok(!lstatSync(link).isSymbolicLink());
  assert.equal(readFileSync(target, 'utf8'), 'of another user');
  writeOutput(link, 'more flames');
  assert.equal(readFileSync(link, 'utf8'), 'more flames');
  assert.deepEqual(readdirSync(temp.path).sort(), ['flame.html', 'target']);
});

test('a directory in its place, or none around it, is refused, and nothing is left behind', () => {
  using temp = tempDirectory();
  const file = join(temp.path, 'flame.html');
  mkdirSync(file);
  const refused = { code: 'DIRECTORY_NOT_WRITABLE', message: /EISDIR/ };
  assert.throws(() => requireWritable(file), refused);
  assert.throws(() => writeOutput(file, ''), { code: 'DIRECTORY_NOT_WRITABLE' });
  assert.throws(() => requireWritable(join(temp.path, 'none/flame.html')), { message: /ENOENT/ });
  assert.ok(existsSync(file));
  assert.deepEqual(readdirSync(temp.path), ['flame.html']);
});
