import assert from 'node:assert/strict';
import { test } from 'node:test';
import { unnamedFiles } from '../../src/profile/top.ts';
import type { Profile, ProfileFrame } from '../../src/sdk/profile.ts';

const named: ProfileFrame = { name: 'main', module: 'app', mode: 'user', isUnknown: false };
const unnamed = (module: string): ProfileFrame => ({
  name: '[unknown]',
  module,
  mode: 'user',
  isUnknown: true,
});

/** Each stack was sampled once. */
function profileOf(...stacks: readonly (readonly ProfileFrame[])[]): Profile {
  return {
    stacks: stacks.map((frames) => ({ pid: 1, comm: 'app', state: 'on_cpu', samples: 1, value: 1, frames })),
    frames: stacks.flat().length,
    unknown_frames: stacks.flat().filter(({ isUnknown }) => isUnknown).length,
  } as Partial<Profile> as Profile;
}

test('when much has no name, the files are told in which that is, those with most first', () => {
  const [line, ...more] = unnamedFiles(
    profileOf([unnamed('stripped'), unnamed('stripped'), unnamed('[jit]')], [named, unnamed('')]),
  );
  assert.deepEqual(more, []);
  assert.match(line ?? '', /in stripped \(50\.0 %\), \[jit\] \(25\.0 %\), no file that is known \(25\.0 %\)/);
});

test('a few frames without a name need no words', () => {
  assert.deepEqual(
    unnamedFiles(profileOf([...Array<ProfileFrame>(9).fill(named), unnamed('libc.so.6')])),
    [],
  );
});
