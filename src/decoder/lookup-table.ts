/** Host side of `wasm/lookups.ts`: the answers a decoder has been given, bounded. */
import { HuatuoError } from '../error.ts';
import { type Lookup, type LookupKind, MAX_TEXT_BYTES } from './lookup-kinds.ts';
import {
  CONTROL,
  clear,
  type DecoderRegions,
  FRAME_BYTES,
  LIMITS,
  MISS_BYTES,
  regionBytes,
} from './memory.ts';

/** Half of the slots stay free, so that a search ends soon. */
export const MAX_LOOKUPS: number = LIMITS.LOOKUP_SLOTS / 2;

/** The module's own insert, so that only one side knows the hash. */
export type InsertLookup = (
  kind: number,
  key: bigint,
  address: number,
  bytes: number,
  hashed: boolean,
) => void;

export class LookupTable {
  readonly #insert: InsertLookup;
  readonly #kinds: readonly LookupKind[];
  readonly #slots: Uint8Array;
  readonly #text: Uint8Array;
  #count = 0;
  #usedBytes = 0;
  #evictions = 0;

  constructor(
    memory: WebAssembly.Memory,
    regions: DecoderRegions,
    kinds: readonly LookupKind[],
    insert: InsertLookup,
  ) {
    this.#insert = insert;
    this.#kinds = kinds;
    this.#slots = regionBytes(memory, regions.lookups);
    this.#text = regionBytes(memory, regions.lookupText);
  }

  /** Answers that had to go because others needed their place, since the decoder was made. */
  get evictions(): number {
    return this.#evictions;
  }

  /** See `Decoder.addLookup`. */
  add({ kind, key, frame }: Lookup, text: string): void {
    const encoded = Buffer.from(text);
    const most = MAX_TEXT_BYTES[this.#kinds[kind - 1]?.type ?? 'owner'];
    if (encoded.length > most) {
      throw new HuatuoError('COLLECTOR_INVALID', {
        expected: `a text of at most ${most} bytes`,
        found: `${encoded.length} bytes for ${this.#kinds[kind - 1]?.type} ${key}`,
        remedy: 'cut its longest member before it is handed over',
      });
    }
    const bytes = encoded.length + (frame ? FRAME_BYTES : 0);
    if (this.#count >= MAX_LOOKUPS || this.#usedBytes + bytes > this.#text.length) this.#evict();
    if (frame) this.#text.set(frame.subarray(0, FRAME_BYTES), this.#usedBytes);
    const start = this.#usedBytes + bytes - encoded.length;
    this.#text.set(encoded, start);
    this.#insert(kind, key, this.#text.byteOffset + start, encoded.length, frame !== undefined);
    this.#usedBytes += bytes;
    this.#count++;
  }

  clear(): void {
    if (this.#count > 0) clear(this.#slots);
    this.#count = 0;
    this.#usedBytes = 0;
  }

  /** All at once: which answers are in use is not known, and the next misses bring those back. */
  #evict(): void {
    this.#evictions += this.#count;
    this.clear();
  }
}

/** The questions of the last call. */
export function readMisses(
  memory: WebAssembly.Memory,
  control: DataView,
  regions: DecoderRegions,
): readonly Lookup[] {
  const count = Math.min(control.getUint32(CONTROL.MISSES, true), LIMITS.MAX_MISSES);
  const misses = new DataView(memory.buffer, regions.misses.offset, regions.misses.bytes);
  return Array.from({ length: count }, (_, index): Lookup => {
    const at = index * MISS_BYTES;
    const address = misses.getUint32(at + 12, true);
    return {
      key: misses.getBigUint64(at, true),
      kind: misses.getUint32(at + 8, true),
      process: misses.getUint32(at + 16, true),
      // A copy: the ring is the kernel's, and the answer may take a while.
      ...(address !== 0 && { frame: new Uint8Array(memory.buffer, address, FRAME_BYTES).slice() }),
    };
  });
}
