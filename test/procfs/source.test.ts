import assert from 'node:assert/strict';
import { readdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { isGone, namesIn, readIfThere, readSource } from '../../src/procfs/source.ts';
import { FixtureProc } from '../support/fixture-proc.ts';

/** No process has this id: it is above the largest one of any kernel. */
const ENDED = '/proc/4194305/stat';

function thrownBy(read: () => unknown): unknown {
  try {
    read();
  } catch (error) {
    return error;
  }
  throw new assert.AssertionError({ message: 'it could be read' });
}

test('what ended or was removed is gone, as the system says it and as we say it', () => {
  for (const read of [
    () => readFileSync(ENDED),
    () => readSource(ENDED),
    () => readdirSync('/nonexistent'),
    () => readFileSync('/proc/version/below'),
  ])
    assert.equal(isGone(thrownBy(read)), true);
  assert.equal(readIfThere(ENDED), undefined);
});

test('what is there and cannot be read is not gone', () => {
  assert.equal(isGone(thrownBy(() => readSource('/proc'))), false);
  assert.throws(() => readIfThere('/proc'), { code: 'SOURCE_UNREADABLE' });
  for (const other of [
    new Error('ENOENT'),
    undefined,
    'ENOENT',
    Object.assign(new Error(), { code: 'EACCES' }),
  ])
    assert.equal(isGone(other), false);
});

test('a directory that is not there has no names; one that cannot be listed is no empty one', () => {
  using proc = new FixtureProc();
  proc.write('class/b', '');
  proc.write('class/a', '');
  symlinkSync('loop', join(proc.directory, 'loop'));
  assert.deepEqual(namesIn(join(proc.directory, 'class')), ['a', 'b']);
  assert.deepEqual(namesIn(join(proc.directory, 'nonexistent')), []);
  assert.deepEqual(namesIn(join(proc.directory, 'class/a')), []);
  assert.throws(() => namesIn(join(proc.directory, 'loop')), { code: 'SOURCE_UNREADABLE' });
});
