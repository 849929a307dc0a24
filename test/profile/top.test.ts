import assert from 'node:assert/strict';
import { test } from 'node:test';
import { amount } from '../../src/profile/summary.ts';
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

test('an amount is never written with an exponent: what rounds up to the next unit is written in that', () => {
  const time = (ns: number): string => amount({ unit: 'nanoseconds' }, ns);
  assert.deepEqual([999_400_000, 999_600_000, 5e12, 0].map(time), ['999 ms', '1.00 s', '5000 s', '0.00 ns']);
  const size = (bytes: number): string => amount({ unit: 'bytes' }, bytes);
  assert.deepEqual([1020 * 1024, 1023.9 * 1024, 1536].map(size), ['1020 KiB', '1.00 MiB', '1.50 KiB']);
});
