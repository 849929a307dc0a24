/**
 * Maps of several collectors, read for one scrape: what is asked for in the same turn of the loop goes to the main thread as one
 * question, which is one wake-up of each side and not one for each collector.
 */
import type { MapBatch } from '../decoder/maps.ts';
import { HuatuoError, type WireError } from '../error.ts';

/** Some maps of one collector's object. */
export interface MapsWish {
  readonly collector: string;
  readonly maps: readonly string[];
}

/** The first batch of each map, in the order of the wish; or why there is none. */
export type MapsAnswer =
  | {
      readonly type: 'read';
      /** Of the object in the kernel: another one has other maps, which begin at 0. */
      readonly object: number;
      readonly batches: readonly MapBatch[];
    }
  | { readonly type: 'failed'; readonly error: WireError };

/** What the main thread answers; but for `readMaps` each rejects with SYSCALL_FAILED, or COLLECTOR_STARTING without an object. */
export interface MapReadCalls {
  /** An answer for each wish, each read one map after the other. */
  readMaps(wishes: readonly MapsWish[]): Promise<readonly MapsAnswer[]>;
  mapLookup(collector: string, map: string, key: Uint8Array): Promise<Uint8Array | undefined>;
  mapBatch(collector: string, map: string, position: Uint8Array | undefined): Promise<MapBatch>;
  mapUpdate(collector: string, map: string, key: Uint8Array, value: Uint8Array): Promise<void>;
  mapDelete(collector: string, map: string, key: Uint8Array): Promise<boolean>;
}

type Read = Extract<MapsAnswer, { readonly type: 'read' }>;

interface Waiting extends PromiseWithResolvers<Read> {
  readonly wish: MapsWish;
}

export class MapReads {
  readonly calls: MapReadCalls;
  #waiting: Waiting[] = [];

  constructor(calls: MapReadCalls) {
    this.calls = calls;
  }

  /** @throws what the main thread could not read the collector's maps for; WORKER_EXITED when it does not answer any more */
  read(wish: MapsWish): Promise<Read> {
    if (this.#waiting.length === 0) setImmediate(() => this.#ask());
    const waiting = { wish, ...Promise.withResolvers<Read>() };
    this.#waiting.push(waiting);
    return waiting.promise;
  }

  async #ask(): Promise<void> {
    const together = this.#waiting;
    this.#waiting = [];
    try {
      const answers = await this.calls.readMaps(together.map(({ wish }) => wish));
      for (const [index, { resolve, reject }] of together.entries()) {
        const answer = answers[index];
        if (answer?.type === 'read') resolve(answer);
        else reject(answer ? HuatuoError.fromWire(answer.error) : new TypeError('a wish without an answer'));
      }
    } catch (error) {
      for (const { reject } of together) reject(error);
    }
  }
}
