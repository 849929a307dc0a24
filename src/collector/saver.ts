/**
 * Documents a collector made itself (`ctx.save`): same envelope, same journal, no ring behind them.
 *
 *   save ──► line ──► [queue, bounded] ──► one batch at a time ──► journal
 *              │           │ stopped              └── refused: again each second, at most `refused_ms`
 *              └ invalid   └ overloaded             oversized: not again
 *
 * Every document that was asked for is counted in shared memory, and how it ended. As with a ring, a position says how far
 * the journal is: the number that are journalled. A batch is a range from there, so a worker that takes over asks the journal
 * whether the one its predecessor had under way was written; the rest of what that had pending died with it, and is counted.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { type ActorStats, SAVED_ENDS, type StatField } from '../actor/stats.ts';
import type { HuatuoError } from '../error.ts';
import { unlessStopped } from '../promises.ts';
import type { SavedDocument } from '../sdk/context.ts';
import type { JournalClient, Outcome } from './journal-client.ts';
import { cancelled, invalid, MAX_PENDING, MAX_PENDING_BYTES, overloaded, oversized } from './save-errors.ts';
import { type SavedBy, savedLine } from './saved-line.ts';

const MAX_BATCH_DOCUMENTS = 64;
/** A document alone may be larger, up to MAX_PENDING_BYTES. */
const MAX_BATCH_BYTES = 256 << 10;
const RETRY_MS = 1000;
const REFUSED_MS = 30_000;
/** After a stop, the batch that is under way is waited for this long. */
const GRACE_MS = 2000;

interface Dependencies extends SavedBy {
  readonly journal: JournalClient;
  readonly stats: ActorStats;
  /** Once it is aborted each document has one try: the last ones of a collector that is being stopped. */
  readonly signal: AbortSignal;
  /** Told of every critical document that is taken. */
  readonly announce: (line: Uint8Array) => void;
  /** How long a document may be refused. */
  readonly refused_ms?: number;
}

interface Pending {
  readonly line: Buffer;
  readonly outcome: PromiseWithResolvers<void>;
}

type Cause = 'invalid' | 'overloaded' | 'refused' | 'cancelled' | 'oversized';

export class Saver {
  readonly #dependencies: Dependencies;
  readonly #ringId: string;
  readonly #queue: Pending[] = [];
  #bytes = 0;
  /** What an earlier worker had pending, until it is known what became of it. */
  #inherited: bigint;
  #running: Promise<void> | undefined;
  #isClosed = false;

  constructor(dependencies: Dependencies) {
    this.#dependencies = dependencies;
    this.#ringId = `${dependencies.document.collector}-saved-${dependencies.origin}`;
    this.#inherited = pendingCount(dependencies.stats);
    if (this.#inherited > 0n) this.#run();
  }

  /** As `CollectorContext.save`. */
  async save(document: SavedDocument): Promise<void> {
    const { stats } = this.#dependencies;
    stats.add('saved_produced', 1);
    if (this.#isClosed) throw this.#drop('cancelled', cancelled());
    const line = this.#line(document, stats.get('saved_produced'));
    if (line.byteLength > MAX_PENDING_BYTES)
      throw this.#drop('oversized', oversized(line.byteLength, MAX_PENDING_BYTES));
    if (this.#queue.length >= MAX_PENDING || this.#bytes + line.byteLength > MAX_PENDING_BYTES)
      throw this.#drop('overloaded', overloaded(this.#queue.length, this.#bytes));
    if ((document.severity ?? this.#dependencies.document.severity) === 'critical')
      this.#dependencies.announce(line);
    const outcome = Promise.withResolvers<void>();
    this.#queue.push({ line, outcome });
    this.#bytes += line.byteLength;
    this.#run();
    await outcome.promise;
  }

  /** Resolves when nothing is pending; after a stop that is soon. */
  async drained(): Promise<void> {
    await this.#running;
  }

  /** Takes nothing any more; resolves as `drained`. */
  close(): Promise<void> {
    this.#isClosed = true;
    return this.drained();
  }

  #line(document: SavedDocument, sequence: bigint): Buffer {
    try {
      return savedLine(document, sequence, this.#dependencies);
    } catch (cause) {
      throw this.#drop('invalid', invalid(cause));
    }
  }

  /** Counts a document that will not be written. */
  #drop(cause: Cause, error: HuatuoError): HuatuoError {
    this.#dependencies.stats.add(`saved_${cause}` satisfies StatField, 1);
    return error;
  }

  #run(): void {
    this.#running ??= this.#work().finally(() => {
      this.#running = undefined;
      if (this.#queue.length > 0) this.#run();
    });
  }

  async #work(): Promise<void> {
    if (this.#inherited > 0n) await this.#settleInherited();
    let refusedSince_ms: number | undefined;
    /** Together they were too large for the journal. */
    let alone = false;
    while (this.#queue.length > 0) {
      const documents: number = alone ? 1 : this.#batch();
      const outcome = await this.#send(documents);
      if (outcome?.kind === 'written') {
        this.#dependencies.stats.add('saved_journalled', documents);
        for (const { outcome } of this.#take(documents)) outcome.resolve();
        refusedSince_ms = undefined;
        alone = false;
      } else if (outcome === undefined) {
        // They may yet be written, so they stay pending in the ledger.
        for (const { outcome } of this.#take(documents)) outcome.reject(cancelled());
        this.#giveUp(this.#queue.length, 'cancelled', cancelled());
      } else if (this.#dependencies.signal.aborted)
        this.#giveUp(this.#queue.length, 'cancelled', cancelled());
      else if (outcome.kind === 'refused' && outcome.error.code === 'DOCUMENT_TOO_LARGE') {
        if (documents === 1) this.#giveUp(1, 'oversized', outcome.error);
        alone = documents > 1;
      } else if (outcome.kind === 'refused') {
        refusedSince_ms ??= performance.now();
        if (outcome.error.permanent || performance.now() - refusedSince_ms >= this.#refused_ms)
          this.#giveUp(documents, 'refused', outcome.error);
        else await this.#pause(RETRY_MS);
      }
    }
  }

  get #refused_ms(): number {
    return this.#dependencies.refused_ms ?? REFUSED_MS;
  }

  /** How many documents go next: at least one. */
  #batch(): number {
    let bytes = 0;
    const end = this.#queue.findIndex(({ line }, index) => {
      bytes += line.byteLength;
      return index > 0 && (index >= MAX_BATCH_DOCUMENTS || bytes > MAX_BATCH_BYTES);
    });
    return end === -1 ? this.#queue.length : end;
  }

  /** @returns undefined when the collector was stopped and the journal does not answer */
  async #send(documents: number): Promise<Outcome | undefined> {
    const { journal, stats, document, signal } = this.#dependencies;
    if (!(await this.#connected())) return { kind: 'lost' };
    // The lines stay here until they are written: a journal that dies takes only this copy with it.
    const lines = Buffer.concat(this.#queue.slice(0, documents).map(({ line }) => line));
    const buffer = Uint8Array.from(lines).buffer;
    const start = stats.get('saved_journalled');
    const end = start + BigInt(documents);
    const ring = { id: this.#ringId, start, end, documents, malformed: 0 };
    const sent = journal.send({ tracer: document.tracer, buffer, bytes: lines.byteLength, documents, ring });
    return unlessStopped(sent, signal, GRACE_MS);
  }

  async #settleInherited(): Promise<void> {
    const { journal, stats } = this.#dependencies;
    let welcome: Awaited<ReturnType<JournalClient['hello']>> = 'lost';
    while (welcome === 'lost') {
      if (!(await this.#connected())) return;
      welcome = await journal.hello(this.#ringId);
    }
    const range = welcome.written.find(({ start }) => start === stats.get('saved_journalled'));
    if (range) stats.add('saved_journalled', range.documents);
    stats.add('saved_lost', Number(this.#inherited) - (range?.documents ?? 0));
    this.#inherited = 0n;
  }

  /** @returns false when the collector was stopped and there is no journal */
  async #connected(): Promise<boolean> {
    const { journal, signal } = this.#dependencies;
    return (
      (await unlessStopped(
        journal.connected.then(() => true),
        signal,
        0,
      )) ?? false
    );
  }

  async #pause(ms: number): Promise<void> {
    await sleep(ms, undefined, { signal: this.#dependencies.signal }).catch(() => undefined);
  }

  #giveUp(documents: number, cause: Cause, error: HuatuoError): void {
    for (const { outcome } of this.#take(documents)) outcome.reject(this.#drop(cause, error));
  }

  #take(documents: number): Pending[] {
    const taken = this.#queue.splice(0, documents);
    for (const { line } of taken) this.#bytes -= line.byteLength;
    return taken;
  }
}

function pendingCount(stats: ActorStats): bigint {
  return SAVED_ENDS.reduce((left, field) => left - stats.get(field), stats.get('saved_produced'));
}
