/**
 * Messages between the thread of a collector, or of a capture, and the journal's, on a port of their own.
 *
 *   hello ──►  welcome          whose documents follow, and what of them is on the disk
 *   batch ──►  ack | refused
 *
 * Whole batches go in transferred buffers; an object per event never crosses a thread.
 */
import type { WireError } from '../../error.ts';

/** One finished batch of NDJSON lines on its way to the journal. */
export interface BatchMessage {
  readonly type: 'batch';
  /** Rises by one for each message of a port; the answer names it. */
  readonly sequence: number;
  /** Journal stream (directory) the lines belong to: the tracer's name, [a-z0-9_]+. */
  readonly tracer: string;
  /** Transferred; comes back with the answer, so the sender's pool stays bounded. */
  readonly buffer: ArrayBuffer;
  /** Bytes of `buffer` in use; whole lines, the last one ends in a newline. */
  readonly bytes: number;
  readonly documents: number;
  /**
   * The range these lines are: of a ring in bytes, of documents that a collector saved in their numbers. Collectors always send it; without
   * it the journal does not look whether the batch came before.
   */
  readonly ring?: RingRange;
}

/** Ring positions count bytes since the ring was made; `id` is unique for one boot: `<collector>-<map id>`. */
export interface RingRange {
  readonly id: string;
  readonly start: bigint;
  readonly end: bigint;
  readonly documents: number;
  readonly malformed: number;
}

/** Collector → journal. `hello` opens a ring and asks what of it is already on disk. */
export type ToJournal = BatchMessage | { readonly type: 'hello'; readonly ringId: string };

/**
 * Journal → collector. `ack`: the bytes were written (a crash of the agent cannot lose them). `refused`: nothing was
 * written, the sender keeps the batch and tries again. `welcome`: recent ranges of this ring that were written,
 * oldest first, at most 64, so that a restarted collector commits them instead of sending them twice; and the longest
 * batch that can ever be written here.
 */
export type FromJournal =
  | { readonly type: 'ack'; readonly sequence: number; readonly buffer: ArrayBuffer }
  | {
      readonly type: 'refused';
      readonly sequence: number;
      readonly buffer: ArrayBuffer;
      readonly error: WireError;
    }
  | {
      readonly type: 'welcome';
      readonly ringId: string;
      readonly written: readonly RingRange[];
      readonly limit_bytes: number;
    };
