/** Stacks -> one tree: `all`, the process by its name, its functions from the outermost in. */
import type { Profile, ProfileStack } from './profile.ts';

export type FlameMode = 'all' | 'process' | 'user' | 'kernel' | 'unknown' | 'wait';

export interface FlameNode {
  readonly name: string;
  readonly mode: FlameMode;
  /** Of this node and all below, in the profile's unit. */
  readonly value: number;
  /** Of stacks that end here. */
  readonly self: number;
  /** Largest first. */
  readonly children: readonly FlameNode[];
}

export interface FlameTree {
  readonly root: FlameNode;
  /** What nodes that were left out had, in the profile's unit; it is part of the `value` of those above. */
  readonly pruned: number;
  /** Nodes left out, and nodes that stayed. */
  readonly pruned_nodes: number;
  readonly nodes: number;
}

interface Growing {
  readonly name: string;
  readonly mode: FlameMode;
  value: number;
  self: number;
  readonly children: Map<string, Growing>;
}

/** The states of waits as they stand at the end of a stack. */
const WAITS: Readonly<Record<string, string>> = {
  run_queue: 'waits for a CPU',
  sleeping: 'sleeps',
  uninterruptible: 'sleeps uninterruptibly',
  io_wait: 'waits for I/O',
};

/**
 * @param smallest share of the whole below which a node is left out, with what is under it
 * @param weigh what a stack adds to its nodes; the profile's value without it
 */
export function flameTree(
  profile: Pick<Profile, 'kind' | 'stacks'>,
  smallest: number,
  weigh: (stack: ProfileStack) => number = ({ value }) => value,
): FlameTree {
  const root = grow({ name: 'all', mode: 'all' });
  for (const stack of profile.stacks) add(root, pathOf(profile, stack), weigh(stack));
  const pruning = { least: root.value * smallest, pruned: 0, pruned_nodes: 0, nodes: 0 };
  return { root: prune(root, pruning), ...pruning };
}

type Step = Pick<FlameNode, 'name' | 'mode'>;

function pathOf({ kind }: Pick<Profile, 'kind'>, { comm, state, frames }: ProfileStack): Step[] {
  const functions = frames.map(
    ({ name, mode, isUnknown }): Step => ({ name, mode: isUnknown ? 'unknown' : mode }),
  );
  const wait = kind === 'off_cpu' ? WAITS[state] : undefined;
  return [
    { name: comm, mode: 'process' },
    ...functions,
    ...(wait === undefined ? [] : [{ name: wait, mode: 'wait' } as const]),
  ];
}

function grow({ name, mode }: Step): Growing {
  return { name, mode, value: 0, self: 0, children: new Map() };
}

function add(root: Growing, path: readonly Step[], value: number): void {
  let node = root;
  node.value += value;
  for (const step of path) {
    const key = `${step.mode} ${step.name}`;
    const child = node.children.get(key) ?? grow(step);
    node.children.set(key, child);
    child.value += value;
    node = child;
  }
  node.self += value;
}

/** As deep as a stack can be, which is bounded. */
function prune(
  { name, mode, value, self, children }: Growing,
  pruning: { readonly least: number; pruned: number; pruned_nodes: number; nodes: number },
): FlameNode {
  pruning.nodes += 1;
  const kept: FlameNode[] = [];
  for (const child of [...children.values()].toSorted((a, b) => b.value - a.value)) {
    if (child.value >= pruning.least) kept.push(prune(child, pruning));
    else {
      pruning.pruned += child.value;
      pruning.pruned_nodes += size(child);
    }
  }
  return { name, mode, value, self, children: kept };
}

function size({ children }: Growing): number {
  return [...children.values()].reduce((sum, child) => sum + size(child), 1);
}
