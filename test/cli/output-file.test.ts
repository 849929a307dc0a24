/** Where `huatuo profile` writes: whole files, and never through a link of another user. */
import assert from 'node:assert/strict';
import {
  existsSync,
  lchownSync,
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

test('own links are followed, also to a file that is not there yet; a circle of them is refused', () => {
  using temp = tempDirectory();
  const [target, link, first] = ['target', 'flame.html', 'first.html'].map((name) => join(temp.path, name));
  assert.ok(target && link && first);
  mkdirSync(join(temp.path, 'in'));
  symlinkSync('in/target', link);
  symlinkSync('flame.html', first);
  writeOutput(first, 'flames');
  assert.equal(readFileSync(join(temp.path, 'in/target'), 'utf8'), 'flames');
  assert.ok(lstatSync(link).isSymbolicLink() && lstatSync(first).isSymbolicLink());
  symlinkSync('target', target);
  assert.throws(() => requireWritable(target), { code: 'DIRECTORY_NOT_WRITABLE', message: /ELOOP/ });
});

const skip = process.geteuid?.() !== 0 && 'only root can give a link to another user';

test('a link of another user is replaced, and what it leads to stays as it is', { skip }, () => {
  using temp = tempDirectory();
  const [target, link] = [join(temp.path, 'target'), join(temp.path, 'flame.html')];
  writeFileSync(target, 'of another user');
  symlinkSync(target, link);
  lchownSync(link, 65_534, 65_534);
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
