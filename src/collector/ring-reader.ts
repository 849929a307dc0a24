/**
 * One kernel ring, read as finished NDJSON: the decoder, the waker and the commit log, owned together because they live
 * and die together.
 *
 *   committed ≤ read ≤ produced        bytes since the ring was made
 *       │         │        └─ BPF programs
 *       │         └─ private: moves with every read(), goes back with rewind()
 *       └─ consumer position: what the kernel may overwrite; moves with commit()
 */

import { wallOffset_ns } from '../actor/clock.ts';
import type { RingWakes } from '../actor/ring-wakes.ts';
import type { ActorStats } from '../actor/stats.ts';
import type { Decoder } from '../decoder/decoder.ts';
import { CommitLog } from '../decoder/ledger.ts';
import { ringCorrupt } from '../decoder/result.ts';
import type { RingRange } from '../storage/journal/protocol.ts';
import type { Lookups } from './lookups.ts';

/** What one read() found. `lines` is a view of the decoder's output, valid until the next read(). */
export interface Slice {
  readonly lines: Uint8Array;
  readonly documents: number;
  readonly malformed: number;
  readonly start: bigint;
  readonly end: bigint;
  /** The output was full before the ring was empty: read again at once. */
  readonly more: boolean;
  /** The next record is reserved and its program has not finished it. */
  readonly busy: boolean;
}

/**
 * Names a ring for one boot: the kernel does not give out a map id again before it has gone through 2^31 of them. With the
 * boot id and a position it names an event for good.
 */
export function ringId(collector: string, mapId: number): string {
  return `${collector}-${mapId}`;
}

const NOTHING = { lines: new Uint8Array(0), documents: 0, malformed: 0, more: false, busy: false } as const;

interface ReaderParts {
  readonly decoder: Decoder;
  readonly lookups: Lookups;
  readonly ringId: string;
  /** How long a record may wait for others. */
  readonly maxAge_ms: number;
  readonly wakes: RingWakes;
  readonly stats: ActorStats;
}

export class RingReader implements Disposable {
  readonly ringId: string;
  readonly #parts: ReaderParts;
  readonly #decoder: Decoder;
  readonly #commits: CommitLog;

  constructor(parts: ReaderParts) {
    const { decoder } = parts;
    this.#parts = parts;
    this.#decoder = decoder;
    this.ringId = parts.ringId;
    this.#commits = new CommitLog(decoder.commits, decoder.consumerPosition, (position) =>
      decoder.commit(position),
    );
    decoder.readPosition = this.#commits.current.position;
  }

  /**
   * Decodes what the ring holds, up to one output buffer.
   * @throws RING_CORRUPT when the ring breaks its own rules
   */
  async read(): Promise<Slice> {
    const start = this.#decoder.readPosition;
    const waiting = this.#decoder.producerPosition - start;
    this.#parts.stats.set('ring_bytes', waiting);
    this.#parts.stats.raise('ring_high_water_bytes', waiting);
    // Most looks at a quiet ring find nothing: they cost two loads.
    if (waiting === 0n) return { ...NOTHING, start, end: start };
    this.#parts.lookups.refresh();
    this.#decoder.beginBatch(new Date().toISOString(), wallOffset_ns());
    let documents = 0;
    let malformed = 0;
    for (;;) {
      const result = this.#decoder.decode();
      documents += result.documents;
      malformed += result.malformed;
      if (result.status === 'corrupt') throw ringCorrupt(result.corruption, this.#decoder.ringBytes);
      if (result.status === 'busy') this.#parts.stats.add('busy_heads', 1);
      if (result.status !== 'lookup_miss') {
        this.#parts.stats.set('lookup_evictions', BigInt(this.#decoder.lookupEvictions));
        const more = result.status === 'output_full';
        const busy = result.status === 'busy';
        return {
          lines: this.#decoder.output(),
          documents,
          malformed,
          start,
          end: result.position,
          more,
          busy,
        };
      }
      this.#parts.stats.add('lookup_misses', result.lookups.length);
      await this.#parts.lookups.answer(result.lookups);
    }
  }

  /** Frees the ring up to the end of the slice and enters it in the ledger. */
  commit(slice: { readonly end: bigint; readonly documents: number; readonly malformed: number }): void {
    this.#commits.commit(slice.end, slice.documents, slice.malformed);
  }

  /** Commits what the journal already has of this ring and goes back to the first byte it does not have. */
  rewind(written: readonly RingRange[]): void {
    for (const range of written) {
      if (range.start === this.#commits.current.position) this.commit(range);
    }
    this.#decoder.readPosition = this.#commits.current.position;
  }

  /**
   * Resolves when the ring should be looked at: at once after a call (bpf/include/event.h), else when its first record may be
   * as old as a record may become. Sleeps without a timer while there is nothing to wait for.
   */
  async wait(): Promise<void> {
    const { wakes, maxAge_ms, stats } = this.#parts;
    if (this.#isEmpty) {
      stats.set('ring_bytes', 0n);
      await wakes.woken();
    }
    await wakes.called(maxAge_ms);
  }

  /** Ends a wait of this thread, that of now or the next one. */
  call(): void {
    this.#parts.wakes.call();
  }

  /** Where the next read() begins, and where what programs have reserved until now ends. */
  get readTo(): bigint {
    return this.#decoder.readPosition;
  }

  get producedTo(): bigint {
    return this.#decoder.producerPosition;
  }

  /**
   * Nothing is unread, in flight or reserved. The consumer position is this thread's own store, made before the producer
   * position is loaded here: a record that is not seen here will see that store, and wake (bpf/include/event.h).
   */
  get #isEmpty(): boolean {
    return this.#commits.current.position === this.#decoder.producerPosition;
  }

  [Symbol.dispose](): void {
    this.#parts.lookups[Symbol.dispose]();
    this.#decoder[Symbol.dispose]();
  }
}
