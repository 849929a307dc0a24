import assert from 'node:assert/strict';
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { foreignWriter } from '../src/foreign-writer.ts';

const isRoot = process.geteuid?.() === 0;
const STRANGER = 65_533;

describe('who else may write a file', () => {
  let directory = '';
  let file = '';

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'huatuo-writers-'));
    mkdirSync(join(directory, 'etc'), { mode: 0o755 });
    file = join(directory, 'etc', 'huatuo.yaml');
    writeFileSync(file, '', { mode: 0o644 });
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  test('no one, below a directory with the sticky bit', () => assert.equal(foreignWriter(file), undefined));

  test('everyone, by the mode of the file', () => {
    chmodSync(file, 0o666);
    assert.equal(foreignWriter(file), `${file} may be written by everyone`);
  });

  test('everyone, by the mode of a directory above it, and through a link', () => {
    chmodSync(join(directory, 'etc'), 0o777);
    const link = join(directory, 'link.yaml');
    symlinkSync(file, link);
    for (const path of [file, link])
      assert.equal(foreignWriter(path), `${join(directory, 'etc')} may be written by everyone`);
  });

  test('everyone, by the directory of a link to it', () => {
    const open = join(directory, 'open');
    mkdirSync(open);
    chmodSync(open, 0o777);
    const link = join(open, 'link.yaml');
    symlinkSync(file, link);
    assert.equal(foreignWriter(link), `${open} may be written by everyone`);
  });

  test('its owner', { skip: !isRoot && 'needs root to give a file away' }, () => {
    chownSync(file, STRANGER, 0);
    assert.equal(foreignWriter(file), `${file} is owned by user ${STRANGER}`);
  });

  test('its group, when that may write', { skip: !isRoot && 'needs root to give a file away' }, () => {
    chownSync(file, 0, STRANGER);
    assert.equal(foreignWriter(file), undefined);
    chmodSync(file, 0o664);
    assert.equal(foreignWriter(file), `${file} may be written by group ${STRANGER}`);
  });

  test('not the user who started it with sudo', { skip: !isRoot && 'needs root to give a file away' }, () => {
    chownSync(file, STRANGER, STRANGER);
    process.env.SUDO_UID = String(STRANGER);
    try {
      assert.equal(foreignWriter(file), undefined);
    } finally {
      delete process.env.SUDO_UID;
    }
  });

  test('no one is known of what is not there', () =>
    assert.equal(foreignWriter(join(directory, 'none')), undefined));
});
