import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import test from 'node:test';
import { findClang } from '../../src/build/clang.ts';
import { temporaryDirectory } from './compiled.ts';

/** A directory with programs that answer --version like these clangs. */
function withClangs(versions: Readonly<Record<string, string>>): ReturnType<typeof temporaryDirectory> {
  const directory = temporaryDirectory();
  for (const [name, version] of Object.entries(versions)) {
    writeFileSync(`${directory.path}/${name}`, `#!/bin/sh\necho "clang version ${version}"\n`, {
      mode: 0o755,
    });
  }
  return directory;
}

test('plain clang is taken when it is new enough', async () => {
  using directory = withClangs({ clang: '14.0.6', 'clang-19': '19.1.0' });
  assert.equal((await findClang(directory.path))?.command, 'clang');
});

test('the newest versioned clang is taken when the plain one is too old', async () => {
  using directory = withClangs({
    clang: '13.0.1',
    'clang-9': '9.0.0',
    'clang-16': '16.0.6',
    'clang-15': '15.0.7',
  });
  const clang = await findClang(directory.path);
  assert.deepEqual([clang?.command, clang?.major], ['clang-16', 16]);
});

test('a clang that cannot run is passed over', async () => {
  using directory = withClangs({ 'clang-15': '15.0.7' });
  writeFileSync(`${directory.path}/clang-18`, '#!/bin/false\n', { mode: 0o755 });
  assert.equal((await findClang(directory.path))?.command, 'clang-15');
});

test('there is none in an empty directory, a missing one, or among old ones', async () => {
  using directory = withClangs({ clang: '11.0.1' });
  assert.equal(await findClang(`${directory.path}:${directory.path}/missing`), undefined);
});
