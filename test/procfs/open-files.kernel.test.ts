/** Files of cgroups that end, and come again under their name. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { OpenFiles } from '../../src/procfs/open-files.ts';
import { skipWithoutController, TestCgroup } from '../support/cgroup.ts';

test('a cgroup that is gone has no text, and one that takes its name has its own', {
  skip: skipWithoutController('pids'),
}, async () => {
  using files = new OpenFiles(8);
  const name = `/huatuo-open-files-${process.pid}`;
  let path = '';
  {
    await using first = TestCgroup.make('pids', name);
    path = join(first.path, 'pids.max');
    assert.equal(files.read(path), 'max\n');
    assert.equal(files.read(path), 'max\n');
  }
  assert.equal(files.read(path), undefined);
  await using _second = TestCgroup.make('pids', name);
  assert.equal(files.read(path), 'max\n');
});
