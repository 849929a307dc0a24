/** Why a decoder stopped, as the control block says it. */
import { HuatuoError } from '../error.ts';
import type { Lookup } from './lookup-kinds.ts';
import { CONTROL } from './memory.ts';

interface Progress {
  /** Records of this call, by what became of them. */
  readonly documents: number;
  /** Committed records whose length is not that of the event struct; skipped. */
  readonly malformed: number;
  /** Records the BPF program reserved and gave back; skipped. */
  readonly discarded: number;
  /** Bytes of whole lines in the output, those of earlier calls of the batch included. */
  readonly bytes: number;
  /** Ring position behind the last record that was dealt with. */
  readonly position: bigint;
}

/**
 * `empty`: caught up with the producer position as it was at the call. `output_full`: send the output, begin a batch,
 * call again. `busy`: the next record is reserved but not yet submitted; wait. `lookup_miss`: the next record needs
 * these texts; `addLookup` for each and call again. `corrupt`: this ring cannot be read any further.
 */
export type DecodeResult =
  | (Progress & { readonly status: 'empty' | 'output_full' | 'busy' })
  | (Progress & { readonly status: 'lookup_miss'; readonly lookups: readonly Lookup[] })
  | (Progress & { readonly status: 'corrupt'; readonly corruption: RingCorruption });

/** What does not hold, in ring positions and bytes. */
interface RingCorruption {
  readonly invariant:
    | 'positions_too_far_apart'
    | 'read_position_outside'
    | 'read_position_unaligned'
    | 'length_beyond_ring'
    | 'end_beyond_producer';
  readonly position: bigint;
  readonly found: bigint;
}

/** In the order of the codes in `wasm/memory.ts`, which start at 1. */
const INVARIANTS = [
  'positions_too_far_apart',
  'read_position_outside',
  'read_position_unaligned',
  'length_beyond_ring',
  'end_beyond_producer',
] as const satisfies readonly RingCorruption['invariant'][];

const STATUSES = ['empty', 'output_full', 'busy', 'lookup_miss', 'corrupt'] as const;

/**
 * Reads the outcome of the last call from the control block.
 * @param misses reads the questions of a `lookup_miss`
 */
export function readResult(control: DataView, misses: () => readonly Lookup[]): DecodeResult {
  const documents = control.getUint32(CONTROL.DOCUMENTS, true);
  const malformed = control.getUint32(CONTROL.MALFORMED, true);
  const discarded = control.getUint32(CONTROL.DISCARDED, true);
  const bytes = control.getUint32(CONTROL.OUTPUT_USED, true);
  const position = control.getBigUint64(CONTROL.READ_POSITION, true);
  const status = STATUSES[control.getUint32(CONTROL.STATUS, true)] ?? 'corrupt';
  switch (status) {
    case 'lookup_miss':
      return { status, documents, malformed, discarded, bytes, position, lookups: misses() };
    case 'corrupt':
      return {
        status,
        documents,
        malformed,
        discarded,
        bytes,
        position,
        corruption: readCorruption(control),
      };
    default:
      return { status, documents, malformed, discarded, bytes, position };
  }
}

function readCorruption(control: DataView): RingCorruption {
  return {
    invariant: INVARIANTS[control.getUint32(CONTROL.CORRUPT_CODE, true) - 1] ?? 'end_beyond_producer',
    position: control.getBigUint64(CONTROL.CORRUPT_POSITION, true),
    found: control.getBigUint64(CONTROL.CORRUPT_FOUND, true),
  };
}

/** The corruption as the error that stops the collector. */
export function ringCorrupt(corruption: RingCorruption, ringBytes: number): HuatuoError {
  const { position, found } = corruption;
  const [expected, what] = {
    positions_too_far_apart: [
      `a producer position from the consumer position ${position} to ${ringBytes} bytes further`,
      `producer position ${found}`,
    ],
    read_position_outside: [
      `a read position between the consumer position ${position} and the producer position`,
      `read position ${found}`,
    ],
    read_position_unaligned: ['a read position that is a multiple of 8', `read position ${found}`],
    length_beyond_ring: [
      `a record of at most ${ringBytes} bytes at ring position ${position}`,
      `a header that says ${found} bytes`,
    ],
    end_beyond_producer: [
      `the record at ring position ${position} to end at or before the producer position`,
      `a header that puts its end at ${found}`,
    ],
  }[corruption.invariant] as [string, string];
  return new HuatuoError('RING_CORRUPT', {
    expected,
    found: what,
    remedy:
      'restart the agent, which loads the object again with an empty ring; if it happens twice, check the memory',
  });
}
