/**
 * Maps of STACK_COUNTS() (bpf/include/stack_counts.h) -> folded stacks.
 *
 *   kernel_stack  work+0x10 ◄─ entry+0x4        ──┐
 *   user_stack    inner+0x8 ◄─ main+0x20        ──┴─► main;inner;entry_[k];work_[k]
 *
 * Each place is asked for once, however many stacks it is in.
 */
import type { LookupCalls } from '../actor/kernel-calls.ts';
import { placeOf } from '../decoder/user-stack.ts';
import type { BpfMap, FoldedStack } from '../sdk/context.ts';
import { KernelFrames } from './kernel-frames.ts';
import { UserFrames } from './user-frames.ts';

/** Key of such a map; stacks innermost first. */
export interface CountedStack {
  readonly kernel_stack: readonly string[];
  readonly user_stack: readonly string[];
  readonly cgroup_id: bigint;
}

export interface StackCount {
  readonly samples: number;
  /** A process that had the stack. */
  readonly pid: number;
}

/** What flame graphs take for a function of the kernel. */
const KERNEL_SUFFIX = '_[k]';
const UNKNOWN = '[unknown]';
const OFFSET = /\+0x[0-9a-f]+$/;

export class StackFolder {
  readonly #kernelFrames: KernelFrames;
  readonly #userFrames: UserFrames;

  constructor(kernel: LookupCalls, procfs: string) {
    this.#kernelFrames = new KernelFrames(kernel, procfs);
    this.#userFrames = new UserFrames(kernel);
  }

  /** @returns one for each sequence of functions and cgroup, in no order */
  async fold(map: Pick<BpfMap<CountedStack, StackCount>, 'entries'>): Promise<readonly FoldedStack[]> {
    const entries: (readonly [CountedStack, StackCount])[] = [];
    for await (const entry of map.entries()) entries.push(entry);
    const [kernel, user] = await Promise.all([this.#kernelNames(entries), this.#userNames(entries)]);
    const folded = new Map<string, FoldedStack>();
    for (const [{ kernel_stack, user_stack, cgroup_id: cgroupId }, { samples }] of entries) {
      const frames = [
        ...user_stack.map((place) => user.get(place) ?? UNKNOWN).reverse(),
        ...kernel_stack.map((address) => `${kernel.get(address) ?? UNKNOWN}${KERNEL_SUFFIX}`).reverse(),
      ];
      const key = `${cgroupId} ${frames.join(';')}`;
      folded.set(key, { frames, cgroupId, samples: samples + (folded.get(key)?.samples ?? 0) });
    }
    return [...folded.values()];
  }

  async #kernelNames(
    entries: readonly (readonly [CountedStack, StackCount])[],
  ): Promise<ReadonlyMap<string, string>> {
    const addresses = [...new Set(entries.flatMap(([{ kernel_stack }]) => kernel_stack))];
    const names = await this.#kernelFrames.names(addresses.map(BigInt));
    return functionsOf(addresses, names);
  }

  async #userNames(
    entries: readonly (readonly [CountedStack, StackCount])[],
  ): Promise<ReadonlyMap<string, string>> {
    const processes = new Map(
      entries.flatMap(([{ user_stack }, { pid }]) => user_stack.map((place) => [place, pid] as const)),
    );
    const frames = Array.from(processes, ([text, process]) => ({ text, process, place: placeOf(text) }));
    const known = frames.flatMap(({ text, process, place }) => (place ? [{ text, process, ...place }] : []));
    return functionsOf(
      known.map(({ text }) => text),
      await this.#userFrames.names(known),
    );
  }
}

/** A name without the place in the function; one that is nothing but a place is no name. */
function functionsOf(places: readonly string[], names: readonly string[]): ReadonlyMap<string, string> {
  return new Map(
    places.flatMap((place, index) => {
      const name = names[index]?.replace(OFFSET, '') ?? '';
      return name === '' || name.startsWith('0x') ? [] : [[place, name]];
    }),
  );
}
