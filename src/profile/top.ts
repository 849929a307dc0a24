/** The functions at the top of stacks, as a terminal shows them. */
import type { Profile } from '../sdk/profile.ts';
import { printable } from '../text.ts';
import { amount, percent } from './summary.ts';

const MOST = 10;
const NAME_WIDTH = 60;
/** Of all frames, what may be without a name and needs no explanation. */
const FEW_UNNAMED = 0.1;
const MOST_FILES = 3;
/** In which every wait ends. */
const SCHEDULER = /^(?:__|io_|preempt_|exit_to_user_mode_)?schedule(?:_|$)/;

/** A line for each of the ten functions in which most of it was spent. */
export function topFunctions(profile: Profile): string[] {
  const selves = new Map<string, number>();
  let total = 0;
  for (const { frames, comm, value } of profile.stacks) {
    const last =
      frames.findLast(({ name, mode }) => mode === 'user' || !SCHEDULER.test(name)) ?? frames.at(-1);
    const name = last ? `${last.name}${last.mode === 'kernel' ? ' [kernel]' : ''}` : `[no stack] ${comm}`;
    selves.set(name, (selves.get(name) ?? 0) + value);
    total += value;
  }
  return [...selves]
    .toSorted(([, a], [, b]) => b - a)
    .slice(0, MOST)
    .map(([name, value]) => {
      const shown = printable(name.length > NAME_WIDTH ? `${name.slice(0, NAME_WIDTH - 1)}…` : name);
      return `${percent(value, total).padStart(9)}  ${amount(profile, value).padStart(8)}  ${shown}`;
    });
}

/** When much has no name: a line that says in which files that is. */
export function unnamedFiles({ stacks, frames: all, unknown_frames }: Profile): string[] {
  if (unknown_frames <= FEW_UNNAMED * all) return [];
  const files = new Map<string, number>();
  for (const { frames, samples } of stacks)
    for (const { isUnknown, module } of frames)
      if (isUnknown) files.set(module, (files.get(module) ?? 0) + samples);
  const shown = [...files]
    .toSorted(([, a], [, b]) => b - a)
    .slice(0, MOST_FILES)
    .map(([file, count]) => `${file || 'no file that is known'} (${percent(count, unknown_frames)})`);
  return [printable(`without a name are frames in ${shown.join(', ')}; huatuo profile --help says why`)];
}
