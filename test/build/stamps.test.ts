import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import test from 'node:test';
import { Stamps } from '../../src/build/stamps.ts';
import { temporaryDirectory } from './compiled.ts';

test('a step is up to date with the same key while its outputs are there, also for the next build', () => {
  using directory = temporaryDirectory();
  const path = `${directory.path}/stamps.json`;
  const output = `${directory.path}/output`;
  writeFileSync(output, '');
  new Stamps(path).set('step', 'key');
  assert.equal(new Stamps(path).isFresh('step', 'key', [output]), true);
  assert.equal(new Stamps(path).isFresh('step', 'other', [output]), false);
  assert.equal(new Stamps(path).isFresh('other', 'key', [output]), false);
  rmSync(output);
  assert.equal(new Stamps(path).isFresh('step', 'key', [output]), false);
});

test('a step that began and did not end is not up to date, even with its old source back', () => {
  using directory = temporaryDirectory();
  const path = `${directory.path}/stamps.json`;
  new Stamps(path).set('step', 'key');
  new Stamps(path).forget('step');
  assert.equal(new Stamps(path).isFresh('step', 'key', []), false);
});

test('a damaged file is an empty one', () => {
  using directory = temporaryDirectory();
  const path = `${directory.path}/stamps.json`;
  for (const text of ['', 'null', '[1', '7']) {
    writeFileSync(path, text);
    assert.equal(new Stamps(path).isFresh('step', 'key', []), false);
  }
});
