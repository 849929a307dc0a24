/** Stacks of addresses -> stacks of functions. */

import { type NamedFrame, type ProcessMappings, placeFrames } from '../decoder/frame-places.ts';
import type { KernelSymbols } from '../decoder/kallsyms.ts';
import type { MapBatch } from '../decoder/maps.ts';
import { symbolAt } from '../decoder/symbol-table.ts';
import { withDeadline } from '../promises.ts';
import type { Profile, ProfileFrame, ProfileStack } from '../sdk/profile.ts';
import type { ProfileCalls, ProfileRequest } from './protocol.ts';
import { type RawProcess, type RawStack, rawStacks } from './wire.ts';

const NAMES_MS = 8000;
const UNKNOWN = '[unknown]';
const OFFSET = /\+0x[0-9a-f]+$/;

interface TakenStacks {
  /** Of the map `stacks`. */
  readonly stacks: readonly MapBatch[];
  readonly processes: ReadonlyMap<number, RawProcess>;
  readonly mappings: ReadonlyMap<number, ProcessMappings>;
  /** What a page fault stands for. */
  readonly pageBytes: number;
  /** For all names: what has none by then stays without. Absent: as long as a capture may take for it. */
  readonly names_ms?: number | undefined;
}

type Named = Pick<Profile, 'unit' | 'stacks' | 'frames' | 'unknown_frames' | 'unknown_samples'>;

/** Reads symbols where they are needed; names that cannot be had are missing, and counted. */
export async function nameStacks(
  calls: ProfileCalls,
  request: ProfileRequest,
  { stacks: batches, processes, mappings, pageBytes, names_ms = NAMES_MS }: TakenStacks,
): Promise<Named> {
  const kernel = new KernelNames(await calls.kernelSymbols(0));
  const user = await userNames(calls, batches, mappings, names_ms);
  const weigh = valuation(request, pageBytes);
  const stacks = batches.flatMap((batch) =>
    Array.from(rawStacks(batch), (raw): ProfileStack => {
      const { pid, state, samples } = raw;
      const own = user.get(pid);
      const frames = [
        ...raw.user.map((address) => own?.get(address) ?? NOWHERE).reverse(),
        ...withoutProbe(raw.kernel.map((address) => kernel.frame(address))).toReversed(),
      ];
      return {
        pid,
        comm: processes.get(pid)?.comm ?? `pid ${pid}`,
        state,
        frames,
        samples,
        value: weigh(raw),
      };
    }),
  );
  return {
    unit: isOfMemory(request) ? 'bytes' : 'nanoseconds',
    stacks,
    frames: sum(stacks, ({ frames }) => frames.length),
    unknown_frames: sum(stacks, ({ frames }) => frames.filter(({ isUnknown }) => isUnknown).length),
    unknown_samples: sum(stacks, ({ frames }) => Number(frames.some(({ isUnknown }) => isUnknown))),
  };
}

/** A tracepoint's own functions are innermost where a program at it takes the stack: they belong to the profile, not to the task. */
const PROBE = /^(?:__traceiter_|__bpf_trace_|bpf_trace_run|bpf_prog_)/;

/** @param frames innermost first */
function withoutProbe(frames: readonly ProfileFrame[]): readonly ProfileFrame[] {
  const first = frames.findIndex(({ name }) => !PROBE.test(name));
  return first === -1 ? frames : frames.slice(first);
}

function sum(stacks: readonly ProfileStack[], of: (stack: ProfileStack) => number): number {
  return stacks.reduce((total, stack) => total + of(stack) * stack.samples, 0);
}

function isOfMemory({ kind }: ProfileRequest): boolean {
  return kind === 'allocations' || kind === 'page_cache' || kind === 'slab';
}

/** What a stack weighs: the kernel adds up waits, and bytes where their number is known to it. */
function valuation(
  { kind, hz, faultsPerSample }: ProfileRequest,
  pageBytes: number,
): (raw: RawStack) => number {
  if (kind === 'on_cpu') return ({ samples }) => (samples * 1e9) / hz;
  return kind === 'allocations' ? ({ samples }) => samples * faultsPerSample * pageBytes : ({ ns }) => ns;
}

const NOWHERE: ProfileFrame = frameOf({ name: '', module: '' }, 'user');

function frameOf({ name, module }: NamedFrame, mode: ProfileFrame['mode']): ProfileFrame {
  const isUnknown = name === '';
  const shown = module === '' ? UNKNOWN : `${UNKNOWN} ${module}`;
  return { name: isUnknown ? shown : name, module, mode, isUnknown };
}

class KernelNames {
  readonly #symbols: KernelSymbols | undefined;
  readonly #known = new Map<bigint, ProfileFrame>();

  constructor(symbols: KernelSymbols | undefined) {
    this.#symbols = symbols;
  }

  frame(address: bigint): ProfileFrame {
    const known = this.#known.get(address);
    if (known) return known;
    const table = this.#symbols?.table;
    const name = (table && symbolAt(table, address)?.replace(OFFSET, '')) ?? '';
    const frame = frameOf({ name, module: '[kernel]' }, 'kernel');
    this.#known.set(address, frame);
    return frame;
  }
}

/** By process and address; one frame for the same function of the same file, in whichever process. */
async function userNames(
  calls: ProfileCalls,
  batches: readonly MapBatch[],
  mappings: ReadonlyMap<number, ProcessMappings>,
  names_ms: number,
): Promise<ReadonlyMap<number, ReadonlyMap<bigint, ProfileFrame>>> {
  const end_ms = performance.now() + names_ms;
  const frames = new Map<string, ProfileFrame>();
  const named = new Map<number, ReadonlyMap<bigint, ProfileFrame>>();
  for (const [pid, addresses] of wantedAddresses(batches)) {
    const own = mappings.get(pid);
    if (!own) continue;
    const places = BigUint64Array.from(addresses);
    const answers = (await namesBefore(end_ms, calls, own, places)) ?? placeFrames(own, places);
    const found = new Map<bigint, ProfileFrame>();
    for (const [index, address] of [...addresses].entries()) {
      const answer = answers[index];
      if (!answer) continue;
      const key = `${answer.module}\n${answer.name}`;
      const frame = frames.get(key) ?? frameOf(answer, 'user');
      frames.set(key, frame);
      found.set(address, frame);
    }
    named.set(pid, found);
  }
  return named;
}

/** @returns undefined when there were none by then */
async function namesBefore(
  end_ms: number,
  calls: ProfileCalls,
  own: ProcessMappings,
  addresses: BigUint64Array,
): Promise<readonly NamedFrame[] | undefined> {
  const left_ms = end_ms - performance.now();
  if (left_ms <= 0) return undefined;
  // A deadline that has passed and a failure of the other thread mean the same here.
  return withDeadline(calls.processFrames(own, addresses), left_ms, 'names').catch(() => undefined);
}

/** Processes with the most samples first. */
function wantedAddresses(batches: readonly MapBatch[]): readonly (readonly [number, ReadonlySet<bigint>])[] {
  const wanted = new Map<number, { samples: number; readonly addresses: Set<bigint> }>();
  for (const batch of batches) {
    for (const { pid, user, samples } of rawStacks(batch)) {
      if (user.length === 0) continue;
      const of = wanted.get(pid) ?? { samples: 0, addresses: new Set<bigint>() };
      wanted.set(pid, of);
      of.samples += samples;
      for (const address of user) of.addresses.add(address);
    }
  }
  return [...wanted]
    .toSorted(([, a], [, b]) => b.samples - a.samples)
    .map(([pid, { addresses }]) => [pid, addresses] as const);
}
