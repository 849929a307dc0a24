/**
 * Ships the documents of one tracer: loads in order, several on their way at a time, and the cursor behind the oldest that is not
 * delivered. After a failure everything since the cursor is read again, so a server that is away costs no memory.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { crc32 } from 'node:zlib';
import type { HuatuoError } from '../../error.ts';
import type { Log } from '../../sdk/context.ts';
import { advance, type Block, type Bookmark, StreamReader, startOf } from '../journal/reader.ts';
import { listSegments } from '../journal/segment.ts';
import { DirectoryWatch } from '../journal/watch.ts';
import { type Bulk, BulkBuilder } from './bulk.ts';
import { type Latency, noCounts, type StreamCounts } from './counts.ts';
import type { Cursor } from './cursor.ts';
import type { DeadLetter, DeadLetters } from './dead-letters.ts';
import { type DeliveryContext, deliver, verdictOf } from './delivery.ts';
import { Doubts } from './doubts.ts';
import type { Health } from './health.ts';
import type { Limiter, Release } from './limiter.ts';
import type { Server } from './server.ts';
import type { Setup } from './setup.ts';

/** What the journal may write a second time after an end of its thread or of the agent. */
const REPEATED_DOCUMENTS = 50_000;
const BASE_PAUSE_MS = 200;
const MAX_PAUSE_MS = 30_000;
const MIN_LOAD_BYTES = 16 * 1024;
const GROWTH = 1.05;
/** Documents that may be sent before the cursor is written once more. */
const RESERVED_LOADS = 4;

/** What the shippers of all tracers share. */
export interface ShipperServices {
  readonly server: Server;
  readonly setup: Setup;
  readonly limiter: Limiter;
  readonly cursor: Cursor;
  readonly deadLetters: DeadLetters;
  readonly health: Health;
  readonly latency: Latency;
  readonly log: Log;
}

interface Load {
  readonly bulk: Bulk;
  readonly damaged: readonly DeadLetter[];
  readonly start: Bookmark;
  readonly end: Bookmark;
  readonly lost: number;
  readonly full: boolean;
}

interface Flight {
  readonly load: Load;
  delivered: boolean;
}

export class StreamShipper {
  readonly tracer: string;
  readonly counts: StreamCounts = noCounts();
  readonly #directory: string;
  readonly #services: ShipperServices;
  readonly #doubts = new Doubts();
  /** Up to here everything is delivered. */
  #bookmark: Bookmark = startOf(0);
  #reserved = 0;
  #maxBytes: number;
  #failures = 0;
  #rest: Block | undefined;
  /** Documents behind the cursor that are in the dead letters. */
  readonly #aside = new Set<string>();
  /** Time of the oldest document that is not delivered. */
  #oldest_ms: number | undefined;

  constructor(tracer: string, directory: string, services: ShipperServices) {
    this.tracer = tracer;
    this.#directory = directory;
    this.#services = services;
    this.#maxBytes = services.server.config.bulk_bytes;
  }

  get delivered(): Bookmark {
    return this.#bookmark;
  }

  /** How old the oldest document is that the server does not have, as far as is known. */
  get lag_seconds(): number {
    return this.#oldest_ms === undefined ? 0 : Math.max(0, (Date.now() - this.#oldest_ms) / 1000);
  }

  /** The journal was started again: what follows may be there twice. */
  async expectRepeats(): Promise<void> {
    const end = await endOf(this.#directory);
    this.#doubts.add(end, end + REPEATED_DOCUMENTS);
  }

  /** Ships until the signal is aborted. */
  async run(signal: AbortSignal): Promise<void> {
    using watch = new DirectoryWatch(this.#directory);
    let begun = false;
    while (!signal.aborted) {
      try {
        if (!begun) await this.#begin();
        begun = true;
        await this.#ship(watch, signal);
      } catch (error) {
        if (signal.aborted) return;
        await this.#pause(error, signal);
      }
    }
  }

  async #begin(): Promise<void> {
    const progress = this.#services.cursor.get(this.tracer);
    const [oldest] = listSegments(this.#directory, () => undefined);
    const end = await endOf(this.#directory);
    this.#bookmark = progress?.bookmark ?? startOf(oldest?.first ?? 0);
    this.#reserved = progress?.reserved ?? end;
    this.#doubts.add(this.#bookmark.sequence, this.#reserved);
    this.#doubts.add(end, end + REPEATED_DOCUMENTS);
    // From now on what the journal's bound deletes is a loss, also over a restart.
    if (!progress) await this.#save();
  }

  async #pause(error: unknown, signal: AbortSignal): Promise<void> {
    const verdict = verdictOf(error);
    this.#services.health.failed(error as HuatuoError);
    // The limiter keeps everybody waiting for a server that is away.
    if (verdict.kind !== 'unused') return;
    const ceiling_ms = Math.min(MAX_PAUSE_MS, BASE_PAUSE_MS * 2 ** Math.min(this.#failures, 20));
    this.#failures++;
    await sleep(Math.random() * ceiling_ms, undefined, { signal }).catch(() => undefined);
  }

  /** Loads and sends until something fails. */
  async #ship(watch: DirectoryWatch, signal: AbortSignal): Promise<void> {
    const reader = new StreamReader(this.#directory, this.#bookmark);
    this.#rest = undefined;
    const flights: Flight[] = [];
    const running = new Set<Promise<void>>();
    const failed = new AbortController();
    const either = AbortSignal.any([signal, failed.signal]);
    try {
      for (;;) {
        const release = await this.#services.limiter.acquire(either);
        const load = await this.#load(reader).catch((error: unknown) => {
          release({ kind: 'unused' });
          throw error;
        });
        if (!load) {
          release({ kind: 'unused' });
          await reader.release();
          if (running.size === 0) this.#oldest_ms = undefined;
          await watch.changed(either);
        } else {
          const flight: Flight = { load, delivered: false };
          flights.push(flight);
          const run = this.#fly(flight, flights, release, signal)
            .catch((error: unknown) => failed.abort(error))
            .finally(() => running.delete(run));
          running.add(run);
        }
        // Documents gather for a while: few large requests cost the server less than many small ones.
        if (!load?.full) await sleep(this.#services.server.config.flush_ms, undefined, { signal: either });
      }
    } catch (error) {
      await Promise.all(running);
      throw failed.signal.aborted ? failed.signal.reason : error;
    } finally {
      const sent = flights.at(-1)?.load.end.sequence ?? 0;
      this.#doubts.add(this.#bookmark.sequence, sent);
      await reader.close();
    }
  }

  async #load(reader: StreamReader): Promise<Load | undefined> {
    const { bulk_documents } = this.#services.server.config;
    const builder = new BulkBuilder(this.#maxBytes, bulk_documents);
    let start: Bookmark | undefined;
    let end: Bookmark | undefined;
    let lost = 0;
    while (!builder.full) {
      const block: Block | undefined = this.#rest ?? (await reader.next());
      if (!block) break;
      this.#rest = undefined;
      if (block.repeats) {
        const doubtful = await endOf(this.#directory);
        this.#doubts.add(block.start.sequence, doubtful);
      }
      lost += block.lost;
      start ??= block.start;
      const { bytes, lines } = builder.add(block.lines);
      if (bytes === block.lines.length) end = block.end;
      else {
        end = advance(block.start, block.lines.subarray(0, bytes), lines);
        const rest = { lines: block.lines.subarray(bytes), documents: block.documents - lines };
        this.#rest = { ...block, ...rest, start: end, lost: 0, repeats: false };
      }
    }
    if (!start || !end) return undefined;
    const bulk = builder.finish();
    if (this.#oldest_ms === undefined) this.#oldest_ms = timeOf(bulk);
    const damaged = builder.damaged.map(({ line }) => damagedLetter(line));
    return { bulk, damaged, start, end, lost, full: builder.full };
  }

  async #fly(flight: Flight, flights: Flight[], release: Release, signal: AbortSignal): Promise<void> {
    const { setup, health } = this.#services;
    const { load } = flight;
    try {
      await this.#reserve(load.end.sequence);
      await setup.ensure(this.tracer, signal);
      const letters = await deliver(this.#context(), load.bulk, this.#isDoubtful(load), signal);
      await this.#setAside([...load.damaged, ...letters]);
    } catch (error) {
      const verdict = verdictOf(error);
      release(verdict);
      if (verdict.kind === 'overload') this.#shorten(load.bulk.body.length);
      if ((error as { status?: unknown }).status === 404) setup.forget();
      throw error;
    }
    release({ kind: 'ok' });
    health.worked();
    this.#failures = 0;
    this.#maxBytes = Math.min(this.#services.server.config.bulk_bytes, Math.ceil(this.#maxBytes * GROWTH));
    flight.delivered = true;
    await this.#commit(flights);
  }

  /** Each document once, also when the loads since the cursor are sent again. */
  async #setAside(letters: readonly DeadLetter[]): Promise<void> {
    const keyOf = ({ id, document }: DeadLetter): string =>
      id || `damaged ${crc32(document)} ${document.length}`;
    const added = letters.filter((letter) => !this.#aside.has(keyOf(letter)));
    await this.#services.deadLetters.add(this.tracer, added);
    for (const letter of added) this.#aside.add(keyOf(letter));
    this.counts.dead_lettered += added.length;
  }

  /** An index of ours tells by itself that it has a document; a data stream only for its newest part. */
  #isDoubtful({ start, end }: Load): boolean {
    return (
      this.#services.server.config.layout === 'data_stream' &&
      this.#doubts.touch(start.sequence, end.sequence)
    );
  }

  /** Notes on disk that documents up to this one may have been sent, before they are. */
  async #reserve(sequence: number): Promise<void> {
    if (sequence <= this.#reserved) return;
    this.#reserved = sequence + RESERVED_LOADS * this.#services.server.config.bulk_documents;
    await this.#save();
  }

  async #commit(flights: Flight[]): Promise<void> {
    let moved = false;
    for (let first = flights[0]; first?.delivered; first = flights[0]) {
      flights.shift();
      this.counts.lost += first.load.lost;
      this.#bookmark = first.load.end;
      moved = true;
    }
    if (!moved) return;
    this.#doubts.settle(this.#bookmark.sequence);
    if (flights.length === 0) this.#aside.clear();
    this.#oldest_ms = flights[0] && timeOf(flights[0].load.bulk);
    await this.#save();
  }

  async #save(): Promise<void> {
    await this.#services.cursor.set(this.tracer, { bookmark: this.#bookmark, reserved: this.#reserved });
  }

  /** Loads of this size are too much for the server; they get longer again with each that is delivered. */
  #shorten(bytes: number): void {
    this.#maxBytes = Math.max(MIN_LOAD_BYTES, Math.min(this.#maxBytes, Math.floor(bytes / 2)));
  }

  #context(): DeliveryContext {
    const { server, latency } = this.#services;
    return {
      tracer: this.tracer,
      server,
      counts: this.counts,
      latency,
      tooLong: (bytes: number) => this.#shorten(bytes),
    };
  }
}

function damagedLetter(document: Buffer): DeadLetter {
  return { id: '', status: 0, type: 'damaged', reason: 'the line in the journal is no document', document };
}

/** Time of the first document. */
function timeOf(bulk: Bulk): number | undefined {
  if (bulk.length === 0) return undefined;
  const time = Date.parse(bulk.document(0).toString('latin1', 15, 38).concat('Z'));
  return Number.isNaN(time) ? undefined : time;
}

/** Number that the next document of a tracer gets. */
async function endOf(directory: string): Promise<number> {
  const reader = new StreamReader(directory, 'end');
  await reader.next();
  const { sequence } = reader.place;
  await reader.close();
  return sequence;
}
