/**
 * A profile in a document:
 *
 *   document: { ...PROFILE_FIELDS, … }        capture: async (subject, why, { profile }) => ({
 *                                               ...why, ...profileDocument(await profile.onCpu({ seconds: 10 })) })
 *
 * `flamedata` has the shape that flame graph panels and existing HuaTuo documents have: the tree, parents before their children.
 */
import { decimal, integer, keyword, optional, struct } from './document.ts';
import { type FlameNode, type FlameTree, flameTree } from './flame-tree.ts';
import { list } from './list.ts';
import type { Profile, ProfileAround, ProfileStack } from './profile.ts';

export const PROFILE_FIELDS = {
  flamedata: list(
    struct({
      level: integer('Depth; 0 is the root'),
      value: integer('Of this function and what it calls'),
      self: integer('Of this function alone'),
      label: keyword('Function, or the name of a process; those of the kernel end in _[k]'),
    }),
    'Flame graph: each function before those it calls',
  ),
  profile: struct(
    {
      kind: keyword('on_cpu, off_cpu, allocations, block, page_cache or slab'),
      unit: keyword('Of value and self: samples of CPU time, else nanoseconds of waits or bytes of memory'),
      seconds: decimal('How long was looked'),
      samples: integer('Samples of the subject, lost ones included'),
      lost: integer('Samples for which the kernel had no room'),
      frames: integer('Frames in all samples'),
      unknown_frames: integer('Of them, those without a name'),
      before_seconds: optional(decimal('Of them, those before the trigger')),
      before_samples: optional(integer('Samples before the trigger')),
      after_seconds: optional(decimal('Seconds since the trigger')),
      after_samples: optional(integer('Samples since: few of many say that it was over')),
      pruned: integer('What was left out of the flame graph because it was too little, in its unit'),
      pruned_frames: integer('Functions that were left out for that'),
    },
    'How the profile was taken',
  ),
};

/** Functions with less than this share of the whole are left out of a document. */
const SMALLEST_SHARE = 0.001;
/** Of a flame graph in a document: about 256 KB. Where there are more, smaller ones are left out, too. */
const MAX_ROWS = 2048;
const MAX_LABEL = 256;

interface FlameRow {
  readonly level: number;
  readonly value: number;
  readonly self: number;
  readonly label: string;
}

interface Around {
  readonly before_seconds?: number;
  readonly before_samples?: number;
  readonly after_seconds?: number;
  readonly after_samples?: number;
}

/** What `PROFILE_FIELDS` describes. */
export interface ProfileDocument {
  readonly flamedata: readonly FlameRow[];
  readonly profile: Omit<Profile, 'stacks' | 'unit' | 'started_unix_ns' | 'idle' | 'unknown_samples'> &
    Around & {
      readonly unit: 'samples' | Profile['unit'];
      readonly pruned: number;
      readonly pruned_frames: number;
    };
}

/**
 * Bounded, whatever the profile holds. What was before and what is since the trigger stand side by side in one flame graph,
 * each below a row that says so, as wide as it has samples.
 */
export function profileDocument(taken: Profile | ProfileAround): ProfileDocument {
  if ('stacks' in taken) return documentOf(taken);
  const { before, after } = taken;
  if (!before) return documentOf(after ?? NOTHING);
  const joined = after ? join(before, after) : { ...before, stacks: under(BEFORE, before) };
  const document = documentOf(joined);
  return {
    ...document,
    profile: {
      ...document.profile,
      before_seconds: before.seconds,
      before_samples: before.samples,
      ...(after && { after_seconds: after.seconds, after_samples: after.samples }),
    },
  };
}

const [BEFORE, SINCE] = ['before the trigger', 'since the trigger'] as const;
const NOTHING: Profile = {
  kind: 'on_cpu',
  unit: 'nanoseconds',
  ...{ seconds: 0, started_unix_ns: 0n, stacks: [], samples: 0, lost: 0, idle: 0 },
  ...{ unknown_samples: 0, frames: 0, unknown_frames: 0 },
};

function join(before: Profile, after: Profile): Profile {
  return {
    ...before,
    stacks: [...under(BEFORE, before), ...under(SINCE, after)],
    seconds: before.seconds + after.seconds,
    samples: before.samples + after.samples,
    lost: before.lost + after.lost,
    frames: before.frames + after.frames,
    unknown_frames: before.unknown_frames + after.unknown_frames,
  };
}

/** The process becomes a frame, and its place is taken by what all of them are under. */
function under(comm: string, { stacks }: Profile): ProfileStack[] {
  return stacks.map((stack) => ({
    ...stack,
    comm,
    frames: [{ name: stack.comm, module: '', mode: 'user', isUnknown: false }, ...stack.frames],
  }));
}

function documentOf(profile: Profile): ProfileDocument {
  const { kind, seconds, samples, lost, frames, unknown_frames } = profile;
  const isCounted = kind === 'on_cpu';
  const tree = boundedTree(profile, isCounted ? (stack) => stack.samples : (stack) => stack.value);
  return {
    flamedata: rowsOf(tree.root),
    profile: {
      ...{ kind, seconds, samples, lost, frames, unknown_frames },
      unit: isCounted ? 'samples' : profile.unit,
      pruned: Math.round(tree.pruned),
      pruned_frames: tree.pruned_nodes,
    },
  };
}

function boundedTree(profile: Profile, weigh: (stack: ProfileStack) => number): FlameTree {
  for (let smallest = SMALLEST_SHARE; ; smallest *= 2) {
    const tree = flameTree(profile, smallest, weigh);
    if (tree.nodes <= MAX_ROWS || smallest > 1) return tree;
  }
}

function rowsOf(root: FlameNode): FlameRow[] {
  const rows: FlameRow[] = [];
  const visit = ({ name, mode, value, self, children }: FlameNode, level: number): void => {
    const label = `${name.slice(0, MAX_LABEL)}${mode === 'kernel' ? '_[k]' : ''}`;
    rows.push({ level, value: Math.round(value), self: Math.round(self), label });
    for (const child of children) visit(child, level + 1);
  };
  visit(root, 0);
  return rows;
}
