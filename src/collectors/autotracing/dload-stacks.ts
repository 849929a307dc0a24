/** Stacks of tasks in uninterruptible sleep as text, and whether it is a known issue: for dload. */
import type { Profile, ProfileStack } from '../../sdk/index.ts';
import { onlyStacks } from './some-stacks.ts';

const MAX_STACKS = 32;
/** A pattern with a name before it; what a regular expression has before its first `=`, as in `(?=x)`, is no name. */
const NAMED = /^([\w .-]+)=(.+)$/s;

/** What of a profile is neither sleep nor a run queue. */
export function uninterruptibleOnly(profile: Profile): Profile {
  return onlyStacks(profile, ({ state }) => state === 'uninterruptible' || state === 'io_wait');
}

/** The commonest first; frames as the kernel prints them, innermost first. */
export function stackText(stacks: readonly ProfileStack[]): string {
  return stacks
    .toSorted((a, b) => b.samples - a.samples)
    .slice(0, MAX_STACKS)
    .map(({ pid, comm, samples, frames }) => {
      const names = frames.toReversed().map(({ name }) => `  ${name}`);
      return [`${comm} (${pid}), ${samples} times:`, ...names].join('\n');
    })
    .join('\n');
}

/** @param patterns `name=regular expression`; one without a name is its own. @returns the name of the first that is found */
export function knownIssue(stack: string, patterns: readonly string[]): string | undefined {
  for (const pattern of patterns) {
    const [, name = pattern, expression = pattern] = NAMED.exec(pattern) ?? [];
    if (new RegExp(expression, 'mu').test(stack)) return name;
  }
  return undefined;
}
