/**
 * Host side of a generated decoder: ring in, NDJSON out, both in the memory of one WebAssembly instance.
 *
 *   beginBatch() ─► decode() ──► output() ─► send ─► ack ─► commit(position)
 *                    ▲   │ lookup_miss: [(kind, key), …]
 *                    └───┴─ addLookup() for each
 *
 * What a record says by number (whose a cgroup is, what an address is called) stands in one table in the memory: (kind, key) → text.
 *
 *   ring      …│ cgroup 4711 │ stack ffffffff81a3…, ffffffff8102… │ reason 5 │…
 *                   │ owner        │ kernel_frame    │               │ kernel_enum
 *   table     4711 → ,"container_id":"9f…"     …a3… → "tcp_v4_rcv+0x1f"      …02… ?      5 → "NO_SOCKET"
 *
 * A line is written as if all were known. What is not is noted and written as nothing; at the end of such a record the line is
 * dropped, the call returns with the whole list, and the next call writes the record anew. So a hit costs a hash and a copy,
 * nothing in the writer can fail, and a stack that was never seen costs one question, not one for each frame. Who answers
 * is `src/collector/lookups.ts`.
 *
 * The memory is the supervisor's, which has mapped the ring into it (src/kernel/ring.ts), and outlives the decoder: the next one finds
 * it as this one left it. It never grows, so views of it stay valid.
 */

import { HuatuoError } from '../error.ts';
import type { EventLayout } from '../schema/manifest.ts';
import { maxRecordBytes } from '../schema/record.ts';
import { maxDataBytes } from './bounds.ts';
import { type EnvelopeFields, envelopeTemplate } from './envelope.ts';
import { COMMIT_SLOTS_WORDS } from './ledger.ts';
import { type Lookup, type LookupKind, lookupKinds } from './lookup-kinds.ts';
import { type InsertLookup, LookupTable, readMisses } from './lookup-table.ts';
import {
  CONTROL,
  clear,
  clearStatics,
  controlBlock,
  type DecoderMemory,
  type DecoderNeeds,
  type DecoderRegions,
  LIMITS,
  MAX_ENVELOPE_BYTES,
  regionBytes,
  writePointers,
} from './memory.ts';
import { type DecodeResult, readResult, ringCorrupt } from './result.ts';

interface DecoderOptions {
  readonly wasm: Uint8Array<ArrayBuffer> | WebAssembly.Module;
  readonly layout: EventLayout;
  /** Of the sizes that `decoderNeeds` says. */
  readonly sharedMemory: DecoderMemory;
  /** What is the same in all documents; the layout adds tracer, severity and schema version. */
  readonly envelope: Pick<EnvelopeFields, 'idPrefix' | 'hostname' | 'region'>;
}

/** Exports of a module that `src/build/decoder-source.ts` generated. */
interface DecoderExports {
  readonly RECORD_BYTES: WebAssembly.Global;
  readonly addLookup: InsertLookup;
  decode(): void;
  walk(max: number): number;
}

/**
 * The room a decoder takes.
 * @param outputBytes output of one batch; raised to the longest line if it is less
 */
export function decoderNeeds(layout: EventLayout, outputBytes: number): DecoderNeeds {
  const longestLine = MAX_ENVELOPE_BYTES + LIMITS.MAX_OWNER_BYTES + maxDataBytes(layout);
  return { outputBytes: Math.max(outputBytes, longestLine), recordBytes: maxRecordBytes(layout) };
}

/** No wall clock shows it: the dates of the template are still to be written. */
const NO_SECOND = 0xffff_ffff_ffff_ffffn;

export class Decoder implements Disposable {
  readonly memory: WebAssembly.Memory;
  readonly regions: DecoderRegions;
  readonly ringBytes: number;
  /** The map `ledger_commits`; for `CommitLog`. */
  readonly commits: BigUint64Array;
  readonly #exports: DecoderExports;
  readonly #control: DataView;
  /** What its questions mean: `Lookup.kind` is an index into it, plus one. */
  readonly lookupKinds: readonly LookupKind[];
  readonly #lookups: LookupTable;
  readonly #envelope: Omit<EnvelopeFields, 'uploadedTime'>;
  readonly #template: Uint8Array;
  readonly #output: Uint8Array;
  readonly #consumerPosition: BigUint64Array;
  readonly #producerPosition: BigUint64Array;
  #disposed = false;

  /**
   * Instantiates the module in its memory. `decode` says `output_full` until the first `beginBatch`.
   * @throws LAYOUT_MISMATCH when the module was made for a struct of another size
   */
  static create(options: DecoderOptions): Decoder {
    return new Decoder(options);
  }

  private constructor(options: DecoderOptions) {
    const { layout, sharedMemory } = options;
    this.memory = sharedMemory.memory;
    this.regions = sharedMemory.regions;
    this.ringBytes = sharedMemory.regions.data.bytes;
    clearStatics(sharedMemory);
    this.#exports = instantiate(options.wasm, this.memory, layout);
    this.lookupKinds = lookupKinds(layout);
    const { memory, regions } = this;
    clear(regionBytes(memory, regions.lookups));
    this.#lookups = new LookupTable(memory, regions, this.lookupKinds, this.#exports.addLookup);
    this.#envelope = {
      ...options.envelope,
      schemaVersion: layout.schemaVersion,
      severity: layout.severity,
      tracerName: layout.tracer,
      tracerType: 'event',
    };
    this.#control = controlBlock(this.memory);
    this.#template = regionBytes(this.memory, this.regions.envelope);
    this.#output = regionBytes(this.memory, this.regions.output);
    this.#consumerPosition = new BigUint64Array(this.memory.buffer, this.regions.consumer.offset, 1);
    this.#producerPosition = new BigUint64Array(this.memory.buffer, this.regions.producer.offset, 1);
    this.commits = new BigUint64Array(this.memory.buffer, this.regions.commits.offset, COMMIT_SLOTS_WORDS);
    writePointers(this.#control, this.regions);
  }

  /** Where the next `decode` starts. A new decoder of an old ring starts at `consumerPosition`. */
  get readPosition(): bigint {
    return this.#control.getBigUint64(CONTROL.READ_POSITION, true);
  }

  set readPosition(position: bigint) {
    this.#control.setBigUint64(CONTROL.READ_POSITION, position, true);
  }

  /** Up to here the kernel takes the ring as free; moves only by `commit`. */
  get consumerPosition(): bigint {
    this.#refuseWhenDisposed();
    return Atomics.load(this.#consumerPosition, 0);
  }

  /** Up to here the kernel has reserved records. */
  get producerPosition(): bigint {
    this.#refuseWhenDisposed();
    return Atomics.load(this.#producerPosition, 0);
  }

  /**
   * Empties the output and sets what the documents to come have in common.
   * @param uploadedTime as it is printed
   * @param wallOffset_ns CLOCK_REALTIME minus CLOCK_BOOTTIME
   * @throws HuatuoError CONFIG_INVALID when host name and region make the envelope longer than 8 KiB
   */
  beginBatch(uploadedTime: string, wallOffset_ns: bigint): void {
    const template = envelopeTemplate({ ...this.#envelope, uploadedTime });
    if (template.text.length > MAX_ENVELOPE_BYTES) {
      throw new HuatuoError('CONFIG_INVALID', {
        expected: `an envelope of at most ${MAX_ENVELOPE_BYTES} bytes`,
        found: `${template.text.length} bytes`,
        remedy: 'shorten the region or the host name',
      });
    }
    this.#template.set(template.text);
    const control = this.#control;
    control.setUint32(CONTROL.ENVELOPE_BYTES, template.text.length, true);
    control.setUint32(CONTROL.TIMESTAMP_HOLE, template.timestamp, true);
    control.setUint32(CONTROL.EVENT_ID_HOLE, template.eventId, true);
    control.setUint32(CONTROL.TIME_HOLE, template.time, true);
    control.setUint32(CONTROL.TRACER_TIME_HOLE, template.tracerTime, true);
    control.setUint32(CONTROL.TRACER_ID_HOLE, template.tracerId, true);
    control.setBigUint64(CONTROL.ENVELOPE_SECOND, NO_SECOND, true);
    control.setBigInt64(CONTROL.WALL_OFFSET_NS, wallOffset_ns, true);
    control.setUint32(CONTROL.OUTPUT_USED, 0, true);
    control.setUint32(CONTROL.OUTPUT_BYTES, this.#output.length, true);
  }

  /**
   * Appends a line for each record from `readPosition` on, until something stops it; see `DecodeResult`. The ring's
   * consumer position stays where it is.
   */
  decode(): DecodeResult {
    this.#refuseWhenDisposed();
    this.#exports.decode();
    return readResult(this.#control, () => readMisses(this.memory, this.#control, this.regions));
  }

  /** Whole lines of this batch: a view, valid until `beginBatch`. */
  output(): Uint8Array {
    return this.#output.subarray(0, this.#control.getUint32(CONTROL.OUTPUT_USED, true));
  }

  /**
   * Answers one question of a `lookup_miss`, or says anew what was answered before. The table holds 4096 answers or 1 MiB of
   * text; when it is full it is emptied, and the next misses fill it again.
   * @param text as it is to be printed, quotes included; for owners JSON members with a comma in front, empty for the host
   * @throws HuatuoError COLLECTOR_INVALID for a text longer than `MAX_TEXT_BYTES` of its kind
   */
  addLookup(lookup: Lookup, text: string): void {
    this.#lookups.add(lookup, text);
  }

  /** Forgets all answers, because what was the host's a minute ago may be known as a container by now. */
  clearLookups(): void {
    this.#lookups.clear();
  }

  /** Answers that were dropped to make room for others. */
  get lookupEvictions(): number {
    return this.#lookups.evictions;
  }

  /**
   * Gives the ring's bytes up to `position` back to the kernel: call it when the documents made from them are safe.
   * @throws HuatuoError RING_CORRUPT for a position the kernel has not written yet or that was given back before
   */
  commit(position: bigint): void {
    const consumer = this.consumerPosition;
    // Not the read position: what an earlier reader of this ring has saved is committed without being read again.
    if (position < consumer || position > this.producerPosition) {
      throw ringCorrupt(
        { invariant: 'read_position_outside', position: consumer, found: position },
        this.ringBytes,
      );
    }
    Atomics.store(this.#consumerPosition, 0, position);
  }

  /** Walks up to `max` records from the read position, writes nothing, moves nothing: the benchmark of the walk. */
  walk(max: number): number {
    this.#refuseWhenDisposed();
    return this.#exports.walk(max);
  }

  /** From now on the memory is another decoder's, or the ring is gone from it, so every call is refused. */
  [Symbol.dispose](): void {
    this.#disposed = true;
  }

  #refuseWhenDisposed(): void {
    if (!this.#disposed) return;
    throw new HuatuoError('CANCELLED', { found: 'a decoder that was disposed of', remedy: 'make a new one' });
  }
}

function instantiate(
  wasm: Uint8Array<ArrayBuffer> | WebAssembly.Module,
  memory: WebAssembly.Memory,
  layout: EventLayout,
): DecoderExports {
  const module = wasm instanceof WebAssembly.Module ? wasm : new WebAssembly.Module(wasm);
  const instance = new WebAssembly.Instance(module, { env: { memory } });
  const exports = instance.exports as unknown as DecoderExports;
  if (exports.RECORD_BYTES.value !== layout.bytes) {
    throw new HuatuoError('LAYOUT_MISMATCH', {
      expected: `a decoder for ${layout.struct} of ${layout.bytes} bytes`,
      found: `one for ${exports.RECORD_BYTES.value} bytes`,
      remedy: 'run npm run build: object, manifest and decoder must come from the same sources',
    });
  }
  return exports;
}
