/** Entries of the maps of bpf/include/profile.h, as bytes. */
import { textAt, type u64s, viewOf } from '../bytes.ts';
import type { MapBatch } from '../decoder/maps.ts';
import {
  PROFILE_COUNTS,
  PROFILE_PROCESS,
  PROFILE_STACK,
  PROFILE_TOTAL,
  SLAB_STACK,
} from '../generated/agent_structs.ts';
import type { ProfileState } from '../sdk/profile.ts';

/** Index: `enum profile_state` of bpf/include/profile_stack.h. */
const STATES: readonly ProfileState[] = ['on_cpu', 'run_queue', 'sleeping', 'uninterruptible', 'io_wait'];

/** Addresses innermost first. */
export interface RawStack {
  readonly pid: number;
  readonly state: ProfileState;
  readonly kernel: readonly bigint[];
  readonly user: readonly bigint[];
  readonly samples: number;
  readonly ns: number;
}

/** Entries of `stacks`; a stack is made when it is asked for. */
export function* rawStacks({ count, keys, values }: MapBatch): Generator<RawStack> {
  const [key, value] = [viewOf(keys), viewOf(values)];
  for (let index = 0; index < count; index++) {
    const at = index * PROFILE_STACK.size_bytes;
    const total = index * PROFILE_TOTAL.size_bytes;
    yield {
      pid: PROFILE_STACK.process(key, at),
      state: STATES[PROFILE_STACK.state(key, at)] ?? 'on_cpu',
      kernel: addresses(key, at, PROFILE_STACK.kernel),
      user: addresses(key, at, PROFILE_STACK.user),
      samples: Number(PROFILE_TOTAL.samples(value, total)),
      ns: Number(PROFILE_TOTAL.ns(value, total)),
    };
  }
}

/**
 * Where each frame is: all but the innermost are return addresses, one behind the call. A call that does not return may be
 * the last instruction of its function.
 */
function addresses(view: DataView, at: number, { length, item }: ReturnType<typeof u64s>): bigint[] {
  const frames: bigint[] = [];
  for (let index = 0; index < length; index++) {
    const address = item(view, at, index);
    if (address === 0n) break;
    frames.push(index === 0 ? address : address - 1n);
  }
  return frames;
}

/** Values of `slab_stacks` (bpf/agent/slab_growth.bpf.c) as entries of `stacks`: objects, and bytes that were not freed. */
export function slabStacks({ count, values }: MapBatch): MapBatch {
  const view = viewOf(values);
  const { size_bytes: stackBytes } = PROFILE_STACK;
  const keys = new Uint8Array(count * stackBytes);
  const totals = new BigUint64Array(count * 2);
  for (let index = 0; index < count; index++) {
    const at = index * SLAB_STACK.size_bytes;
    const stack = at + SLAB_STACK.stack.at;
    keys.set(values.subarray(stack, stack + stackBytes), index * stackBytes);
    const [allocated, freed] = [SLAB_STACK.allocated_bytes(view, at), SLAB_STACK.freed_bytes(view, at)];
    totals[2 * index] = SLAB_STACK.objects(view, at);
    totals[2 * index + 1] = allocated > freed ? allocated - freed : 0n;
  }
  return { count, keys, values: new Uint8Array(totals.buffer) };
}

export interface RawProcess {
  /** Printable. */
  readonly comm: string;
  /** Another one after each execve(2). */
  readonly program: bigint;
}

/** Entries of `processes`, by their ids. */
export function* rawProcesses({ count, keys, values }: MapBatch): Generator<readonly [number, RawProcess]> {
  const [key, value] = [viewOf(keys), viewOf(values)];
  for (let index = 0; index < count; index++) {
    const at = index * PROFILE_PROCESS.size_bytes;
    const comm = textAt(values, at + PROFILE_PROCESS.comm.at, PROFILE_PROCESS.comm.bytes);
    yield [key.getUint32(index * 4, true), { comm, program: PROFILE_PROCESS.program(value, at) }];
  }
}

/** `struct profile_counts` of each CPU, added up. */
export function rawCounts({ values }: MapBatch): {
  readonly samples: number;
  readonly lost: number;
  readonly idle: number;
} {
  const view = viewOf(values);
  const sums = { samples: 0, lost: 0, idle: 0 };
  const { size_bytes } = PROFILE_COUNTS;
  for (let at = 0; at + size_bytes <= values.byteLength; at += size_bytes)
    for (const name of ['samples', 'lost', 'idle'] as const)
      sums[name] += Number(PROFILE_COUNTS[name](view, at));
  return sums;
}
