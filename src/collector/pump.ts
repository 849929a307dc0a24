/**
 * Ring to journal: the loop every event collector runs.
 *
 *   read ──► copy to a pooled buffer ──► journal ──ack──► commit
 *    ▲                                     │
 *    └──── rewind to the committed position ┘  refused (disk full) or lost (journal restarted)
 *
 * There is no queue but the ring. At most `buffers` batches are in flight; when all are, the ring fills, and when it
 * is full the kernel side counts what it could not store. The journal answers in order, so commits are in order too.
 */
import { setTimeout as sleep, setImmediate as yieldToPort } from 'node:timers/promises';
import type { ActorStats } from '../actor/stats.ts';
import type { Log } from '../sdk/context.ts';
import type { RingRange } from '../storage/journal/protocol.ts';
import type { JournalClient, Outcome } from './journal-client.ts';
import { type Part, partsOf } from './parts.ts';
import type { RingReader, Slice } from './ring-reader.ts';

const REFUSED_PAUSE_MS = 1000;
/** A program that is at work on a record needs microseconds; this is for when its CPU was taken away. */
const BUSY_PAUSE_MS = 1;

interface PumpOptions {
  readonly tracer: string;
  readonly buffers: number;
  readonly bufferBytes: number;
  /** Rewrites the lines of a slice; absent for collectors whose documents are complete as decoded. */
  readonly enrich?: (lines: Uint8Array, limit_bytes: number) => Promise<readonly Uint8Array[]>;
  /** Told of every batch once, before it is sent: also while the journal refuses it. The views are valid for the call. */
  readonly announce?: (lines: readonly Uint8Array[], documents: number) => void;
}

export class Pump {
  readonly #reader: RingReader;
  readonly #journal: JournalClient;
  readonly #stats: ActorStats;
  readonly #log: Log;
  readonly #options: PumpOptions;
  readonly #free: ArrayBuffer[] = [];
  #inFlight = 0;
  /** Longest batch that the journal takes. */
  #limit_bytes = 0;
  /** The newest batch was refused, and that was logged. */
  #refused = false;
  /** Start of the newest batch that was announced. */
  #announced = -1n;
  /** Where a stop has found the end of what was produced. */
  #end: bigint | undefined;
  #interrupted: 'no' | 'lost' | 'refused' = 'no';
  #outcome = Promise.withResolvers<void>();

  constructor(reader: RingReader, journal: JournalClient, stats: ActorStats, log: Log, options: PumpOptions) {
    this.#reader = reader;
    this.#journal = journal;
    this.#stats = stats;
    this.#log = log;
    this.#options = options;
  }

  /** Runs until `signal` aborts and everything the ring held by then is in the journal; programs may go on. */
  async run(signal: AbortSignal): Promise<void> {
    const call = (): void => {
      this.#end = this.#reader.producedTo;
      this.#reader.call();
    };
    signal.addEventListener('abort', call);
    if (signal.aborted) call();
    try {
      while (!(await this.#session(signal))) {
        if (this.#interrupted === 'refused') await sleep(REFUSED_PAUSE_MS);
      }
    } finally {
      signal.removeEventListener('abort', call);
    }
  }

  /** Reads until something disturbs it. @returns true when drained for good, false to start over */
  async #session(signal: AbortSignal): Promise<boolean> {
    await this.#journal.connected;
    const welcome = await this.#journal.hello(this.#reader.ringId);
    if (welcome === 'lost') return false;
    this.#interrupted = 'no';
    this.#limit_bytes = welcome.limit_bytes;
    this.#reader.rewind(welcome.written);
    for (;;) {
      const interrupted = this.#interrupted !== 'no';
      if (interrupted && this.#inFlight === 0) return false;
      const isRead = this.#end !== undefined && this.#reader.readTo >= this.#end;
      if (isRead && this.#inFlight === 0) return true;
      if (interrupted || isRead || this.#inFlight >= this.#options.buffers) {
        await this.#outcome.promise;
        continue;
      }
      const slice = await this.#reader.read();
      if (slice.end > slice.start) await this.#forward(slice);
      else if (signal.aborted) await Promise.race([this.#outcome.promise, sleep(BUSY_PAUSE_MS)]);
      if (!slice.more && !signal.aborted) await this.#reader.wait();
    }
  }

  async #forward(slice: Slice): Promise<void> {
    if (slice.documents > 0) await this.#sendAll(slice);
    else {
      // Only malformed or discarded records: nothing to write, but commits must stay in order.
      while (this.#inFlight > 0) await this.#outcome.promise;
      if (this.#interrupted === 'no') this.#reader.commit(slice);
    }
    const rest_ns = this.#stats.get('throttle_ns');
    await (rest_ns > 0n ? sleep(Number(rest_ns / 1_000_000n)) : yieldToPort());
  }

  async #sendAll(slice: Slice): Promise<void> {
    const limit_bytes = this.#limit_bytes;
    const lines = (await this.#options.enrich?.(slice.lines, limit_bytes)) ?? slice.lines;
    for (const part of partsOf(slice, lines, limit_bytes, this.#log)) {
      while (this.#inFlight >= this.#options.buffers) await this.#outcome.promise;
      // The rest is read again with what was disturbed.
      if (this.#interrupted !== 'no') return;
      this.#send(part);
    }
  }

  #send(part: Part): void {
    const { start, end, bytes, documents } = part;
    if (start > this.#announced) {
      this.#options.announce?.(part.lines, documents);
      this.#announced = start;
    }
    const buffer = this.#takeBuffer(bytes);
    let at = 0;
    for (const lines of part.lines) {
      new Uint8Array(buffer, at, lines.byteLength).set(lines);
      at += lines.byteLength;
    }
    this.#inFlight += 1;
    this.#stats.add('in_flight_bytes', bytes);
    // The ring's own half of the ledger has two numbers; what is left out is taken from `malformed` where it is shown.
    const ring = {
      id: this.#reader.ringId,
      start,
      end,
      documents,
      malformed: part.malformed + part.oversized,
    };
    const { tracer } = this.#options;
    void this.#journal
      .send({ tracer, buffer, bytes, documents, ring })
      .then((outcome) => this.#settle(outcome, ring, part));
  }

  /** Enriched lines may outgrow a pooled buffer; such a batch gets one of its own, and the bound on batches still holds. */
  #takeBuffer(bytes: number): ArrayBuffer {
    const { bufferBytes } = this.#options;
    if (bytes > bufferBytes) return new ArrayBuffer(bytes);
    return this.#free.pop() ?? new ArrayBuffer(bufferBytes);
  }

  #giveBack(buffer: ArrayBuffer): void {
    if (buffer.byteLength === this.#options.bufferBytes) this.#free.push(buffer);
  }

  #settle(outcome: Outcome, range: RingRange, { bytes, oversized }: Part): void {
    this.#inFlight -= 1;
    this.#stats.add('in_flight_bytes', -bytes);
    if (outcome.kind !== 'lost') this.#giveBack(outcome.buffer);
    if (outcome.kind === 'written' && this.#interrupted === 'no') {
      this.#stats.add('oversized', oversized);
      this.#reader.commit(range);
      this.#stats.add('documents', range.documents);
      this.#refused = false;
    } else this.#interrupt(outcome);
    this.#outcome.resolve();
    this.#outcome = Promise.withResolvers();
  }

  /** What follows a batch that was not written is not committed either: it is read again, from where the ring is. */
  #interrupt(outcome: Outcome): void {
    this.#reader.call();
    if (outcome.kind === 'lost') this.#interrupted = 'lost';
    if (outcome.kind !== 'refused') return;
    this.#interrupted = 'refused';
    this.#stats.add('refused_batches', 1);
    if (!this.#refused)
      this.#log.warn('the journal refuses batches; they stay in the ring', { error: outcome.error });
    this.#refused = true;
  }
}
