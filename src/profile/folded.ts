/**
 * Folded stacks, a line for each: `comm;outer;inner;kernel_function_[k] 42`. What flame graph programs read, from Brendan
 * Gregg's flamegraph.pl on. The number is of samples, of off-CPU profiles microseconds, as is the custom there.
 */
import type { Profile, ProfileStack } from '../sdk/profile.ts';

const KERNEL_SUFFIX = '_[k]';
/** Ends a frame, or a line. */
const SEPARATORS = /[;\r\n]/g;

/** @returns lines in the order of their text, the last one with its end */
export function foldedText(profile: Profile): string {
  const lines = new Map<string, number>();
  for (const stack of profile.stacks) {
    const line = framesOf(profile, stack).map(sealed).join(';');
    lines.set(line, (lines.get(line) ?? 0) + weightOf(profile, stack));
  }
  return [...lines]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([line, weight]) => `${line} ${Math.round(weight)}\n`)
    .join('');
}

function framesOf({ kind }: Profile, { comm, state, frames }: ProfileStack): string[] {
  const functions = frames.map(({ name, mode }) => (mode === 'kernel' ? `${name}${KERNEL_SUFFIX}` : name));
  return kind === 'off_cpu' ? [comm, ...functions, `[${state}]`] : [comm, ...functions];
}

function weightOf({ kind }: Profile, { samples, value }: ProfileStack): number {
  return kind === 'off_cpu' || kind === 'block' ? value / 1000 : samples;
}

function sealed(frame: string): string {
  return frame.replace(SEPARATORS, ':');
}
