/** Profiles for tests of what is made of them. */
import type { Profile, ProfileFrame, ProfileStack, ProfileState } from '../../src/sdk/profile.ts';

export function frame(name: string, mode: ProfileFrame['mode'] = 'user'): ProfileFrame {
  return {
    name,
    module: mode === 'kernel' ? '[kernel]' : 'app',
    mode,
    isUnknown: name.startsWith('[unknown]'),
  };
}

/** @param text as in folded stacks: outermost first, functions of the kernel end in `_[k]` */
export function stackOf(text: string, samples: number, state: ProfileState = 'on_cpu'): ProfileStack {
  const [comm = '', ...names] = text.split(';');
  const frames = names.map((name) =>
    name.endsWith('_[k]') ? frame(name.slice(0, -'_[k]'.length), 'kernel') : frame(name),
  );
  return { pid: 7, comm, state, frames, samples, value: samples * 1e7 };
}

export function profileOf(stacks: readonly ProfileStack[], more: Partial<Profile> = {}): Profile {
  const samples = stacks.reduce((sum, stack) => sum + stack.samples, 0);
  return {
    kind: 'on_cpu',
    unit: 'nanoseconds',
    seconds: 10,
    started_unix_ns: 1_790_000_000_000_000_000n,
    stacks,
    samples,
    lost: 0,
    idle: 0,
    unknown_samples: 0,
    frames: stacks.reduce((sum, stack) => sum + stack.frames.length * stack.samples, 0),
    unknown_frames: 0,
    ...more,
  };
}

export const HOSTILE = '</script><img src=x onerror="alert(1)">&\'\u0007\u2028';
