/**
 * Ships the documents of one tracer: loads in order, several on their way at a time, and the cursor behind the oldest that is not
 * delivered. After a failure everything since the cursor is read again, so a server that is away costs no memory.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { HuatuoError } from '../../error.ts';
import type { Log } from '../../sdk/context.ts';
import type { Bookmark } from '../journal/bookmark.ts';
import { DirectoryWatch } from '../journal/watch.ts';
import { type Latency, noCounts, type StreamCounts } from './counts.ts';
import type { Cursor } from './cursor.ts';
import type { DeadLetters } from './dead-letters.ts';
import { type DeliveryContext, deliver, verdictOf } from './delivery.ts';
import type { Health } from './health.ts';
import type { Limiter, Release } from './limiter.ts';
import { type Load, LoadReader, timeOf } from './load.ts';
import type { Server } from './server.ts';
import { SetAside } from './set-aside.ts';
import type { Setup } from './setup.ts';
import { StreamProgress } from './stream-progress.ts';

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

interface Flight {
  readonly load: Load;
  delivered: boolean;
}

export class StreamShipper {
  readonly tracer: string;
  readonly counts: StreamCounts = noCounts();
  readonly #directory: string;
  readonly #services: ShipperServices;
  readonly #progress: StreamProgress;
  #maxBytes: number;
  #failures = 0;
  readonly #aside: SetAside;
  /** Time of the oldest document that is not delivered. */
  #oldest_ms: number | undefined;

  constructor(tracer: string, directory: string, services: ShipperServices) {
    this.tracer = tracer;
    this.#directory = directory;
    this.#services = services;
    this.#maxBytes = services.server.config.bulk_bytes;
    this.#aside = new SetAside(tracer, services.deadLetters);
    const ahead = RESERVED_LOADS * services.server.config.bulk_documents;
    this.#progress = new StreamProgress(tracer, directory, services.cursor, ahead);
  }

  get delivered(): Bookmark {
    return this.#progress.bookmark;
  }

  /** How old the oldest document is that the server does not have, as far as is known. */
  get lag_seconds(): number {
    return this.#oldest_ms === undefined ? 0 : Math.max(0, (Date.now() - this.#oldest_ms) / 1000);
  }

  /** The journal was started again: what follows may be there twice. */
  expectRepeats(): Promise<void> {
    return this.#progress.expectRepeats();
  }

  /**
   * Ships until it is told to stop.
   * @param signal begins nothing any more @param cut ends requests that run, too
   */
  async run(signal: AbortSignal, cut: AbortSignal): Promise<void> {
    using watch = new DirectoryWatch(this.#directory);
    let begun = false;
    while (!signal.aborted) {
      try {
        if (!begun) await this.#progress.begin();
        begun = true;
        await this.#ship(watch, signal, cut);
      } catch (error) {
        if (signal.aborted) return;
        await this.#pause(error, signal);
      }
    }
  }

  async #pause(error: unknown, signal: AbortSignal): Promise<void> {
    const verdict = verdictOf(error);
    this.#services.health.failed(error as HuatuoError);
    // The limiter keeps every stream waiting for a server that is away.
    if (verdict.kind !== 'unused') return;
    const ceiling_ms = Math.min(MAX_PAUSE_MS, BASE_PAUSE_MS * 2 ** Math.min(this.#failures, 20));
    this.#failures++;
    await sleep(Math.random() * ceiling_ms, undefined, { signal }).catch(() => undefined);
  }

  /** Loads and sends until something fails. */
  async #ship(watch: DirectoryWatch, signal: AbortSignal, cut: AbortSignal): Promise<void> {
    const reader = new LoadReader(this.#directory, this.#progress.bookmark);
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
          const run = this.#fly(flight, flights, release, cut)
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
      this.#progress.startOver(flights.at(-1)?.load.end);
      await reader.close();
    }
  }

  async #load(reader: LoadReader): Promise<Load | undefined> {
    const load = await reader.next(this.#maxBytes, this.#services.server.config.bulk_documents);
    if (load?.repeats) await this.#progress.doubtAllFrom(load.start);
    if (load) this.#oldest_ms ??= timeOf(load);
    return load;
  }

  async #fly(flight: Flight, flights: Flight[], release: Release, signal: AbortSignal): Promise<void> {
    const { setup, health } = this.#services;
    const { load } = flight;
    try {
      await this.#progress.reserve(load.end);
      await setup.ensure(this.tracer, signal);
      const letters = await deliver(this.#context(), load.bulk, this.#isDoubtful(load), signal);
      this.counts.dead_lettered += await this.#aside.add([...load.damaged, ...letters], load.end.sequence);
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

  /** An index of ours tells by itself that it has a document; a data stream only for its newest part. */
  #isDoubtful({ start, end }: Load): boolean {
    const { layout } = this.#services.server.config;
    return layout === 'data_stream' && this.#progress.isDoubtful(start, end);
  }

  /** Moves the bookmark behind the loads that are delivered, up to the first one that is not. */
  async #commit(flights: Flight[]): Promise<void> {
    let end: Bookmark | undefined;
    for (let first = flights[0]; first?.delivered; first = flights[0]) {
      flights.shift();
      this.counts.lost += first.load.lost;
      end = first.load.end;
    }
    if (!end) return;
    this.#aside.settle(end.sequence);
    this.#oldest_ms = flights[0] && timeOf(flights[0].load);
    await this.#progress.deliveredTo(end);
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
