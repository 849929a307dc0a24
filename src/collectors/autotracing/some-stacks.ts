/** A part of a profile. */
import type { Profile, ProfileStack } from '../../sdk/index.ts';

/** What was lost may have been of that part, and stays in its counts. */
export function onlyStacks(profile: Profile, isWanted: (stack: ProfileStack) => boolean): Profile {
  const stacks = profile.stacks.filter(isWanted);
  const sum = (weigh: (stack: ProfileStack) => number): number =>
    stacks.reduce((total, stack) => total + weigh(stack), 0);
  return {
    ...profile,
    stacks,
    samples: sum(({ samples }) => samples) + profile.lost,
    frames: sum(({ samples, frames }) => samples * frames.length),
    unknown_frames: sum(
      ({ samples, frames }) => samples * frames.filter(({ isUnknown }) => isUnknown).length,
    ),
  };
}
