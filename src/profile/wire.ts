/** Entries of the maps of bpf/include/profile.h, as bytes. */
import { textAt, viewOf } from '../bytes.ts';
import type { MapBatch } from '../decoder/maps.ts';
import type { ProfileState } from '../sdk/profile.ts';

/** Index: `enum profile_state`. */
const STATES: readonly ProfileState[] = ['on_cpu', 'run_queue', 'sleeping', 'uninterruptible', 'io_wait'];
const KERNEL_DEPTH = 64;
const USER_DEPTH = 127;
const KERNEL_AT = 8;
const USER_AT = KERNEL_AT + KERNEL_DEPTH * 8;
/** `struct profile_stack`. */
export const STACK_BYTES: number = USER_AT + USER_DEPTH * 8;
/** `struct profile_total`. */
export const TOTAL_BYTES = 16;
/** `struct profile_process`. */
const PROCESS_BYTES = 24;
const COMM_BYTES = 16;

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
    const at = index * STACK_BYTES;
    yield {
      pid: key.getUint32(at, true),
      state: STATES[key.getUint32(at + 4, true)] ?? 'on_cpu',
      kernel: addresses(key, at + KERNEL_AT, KERNEL_DEPTH),
      user: addresses(key, at + USER_AT, USER_DEPTH),
      samples: Number(value.getBigUint64(index * TOTAL_BYTES, true)),
      ns: Number(value.getBigUint64(index * TOTAL_BYTES + 8, true)),
    };
  }
}

/**
 * Where each frame is: all but the innermost are return addresses, one behind the call. A call that does not return may be
 * the last instruction of its function.
 */
function addresses(view: DataView, at: number, depth: number): bigint[] {
  const frames: bigint[] = [];
  for (let index = 0; index < depth; index++) {
    const address = view.getBigUint64(at + index * 8, true);
    if (address === 0n) break;
    frames.push(index === 0 ? address : address - 1n);
  }
  return frames;
}

/** Values of `slab_stacks` (bpf/agent/slab_growth.bpf.c) as entries of `stacks`: objects, and bytes that were not freed. */
export function slabStacks({ count, values }: MapBatch): MapBatch {
  const view = viewOf(values);
  const width = STACK_BYTES + 24;
  const keys = new Uint8Array(count * STACK_BYTES);
  const totals = new BigUint64Array(count * 2);
  for (let index = 0; index < count; index++) {
    const at = index * width;
    keys.set(values.subarray(at, at + STACK_BYTES), index * STACK_BYTES);
    const [objects, allocated, freed] = [0, 8, 16].map((member) =>
      view.getBigUint64(at + STACK_BYTES + member, true),
    ) as [bigint, bigint, bigint];
    totals[2 * index] = objects;
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
    const at = index * PROCESS_BYTES;
    const comm = textAt(values, at, COMM_BYTES);
    yield [key.getUint32(index * 4, true), { comm, program: value.getBigUint64(at + COMM_BYTES, true) }];
  }
}

/** `struct profile_counts` of each CPU, added up. */
export function rawCounts({ values }: MapBatch): {
  readonly samples: number;
  readonly lost: number;
  readonly idle: number;
} {
  const view = viewOf(values);
  const sums = [0, 0, 0];
  for (let at = 0; at + 24 <= values.byteLength; at += 24)
    for (const index of sums.keys()) sums[index]! += Number(view.getBigUint64(at + index * 8, true));
  const [samples = 0, lost = 0, idle = 0] = sums;
  return { samples, lost, idle };
}
