/**
 * What a ring held, kept as a fixture: recorded where the kernel runs the program, replayed to documents anywhere.
 *
 * A recording belongs to one layout of the event struct. When that changes, record again, with the test that made it.
 */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { Decoder } from '../../src/decoder/decoder.ts';
import type { LookupKind } from '../../src/decoder/lookup-kinds.ts';
import type { DecoderMemory } from '../../src/decoder/memory.ts';
import { at } from '../../src/paths.ts';
import type { ObjectManifest } from '../../src/schema/manifest.ts';
import { type Answer, documentsOf } from './decoder-documents.ts';
import { FakeRing, strideOf } from './decoder-ring.ts';
import { sharedMemoryFor } from './decoder-shared-memory.ts';

interface Recording {
  /** Of the event struct. */
  readonly layout: string;
  /** Payloads, hexadecimal, in the order of the ring. */
  readonly records: readonly string[];
}

const LENGTH = 0x3fff_ffff;
const BUSY_OR_DISCARDED = 0xc000_0000;
const HEADER_BYTES = 8;
const RING_BYTES = 1 << 17;
const OUTPUT_BYTES = 1 << 16;
/** So that a replay gives the same bytes each time. */
const FIXED = { uploadedTime: '2026-01-01T00:00:00.000Z', wallOffset_ns: 1_767_225_600_000_000_000n };

const pathOf = (collector: string): string => at(`test/fixtures/rings/${collector}.json`);
const golden = (collector: string): string => at(`test/fixtures/rings/${collector}.golden.ndjson`);

/** Finished records of a mapped ring, from the consumer's position to the producer's. */
export function ringRecords({ memory, regions }: DecoderMemory): Buffer[] {
  const [consumer = 0n] = new BigUint64Array(memory.buffer, regions.consumer.offset, 1);
  const [producer = 0n] = new BigUint64Array(memory.buffer, regions.producer.offset, 1);
  const data = new DataView(memory.buffer, regions.data.offset, regions.data.bytes);
  const mask = BigInt(regions.data.bytes - 1);
  const records: Buffer[] = [];
  for (let position = consumer; position < producer; ) {
    const start = Number(position & mask);
    const header = data.getUint32(start, true);
    const length = header & LENGTH;
    if ((header & BUSY_OR_DISCARDED) === 0)
      records.push(
        Buffer.from(new Uint8Array(memory.buffer, regions.data.offset + start + HEADER_BYTES, length)),
      );
    position += BigInt(strideOf(length));
  }
  return records;
}

/** No owner is a container, and what has a name elsewhere has its number here. */
function everythingIsTheHosts({ type }: LookupKind, key: bigint): string {
  return type.includes('owner') ? '' : `"${type} 0x${key.toString(16)}"`;
}

/** Writes a recording, when the environment has HUATUO_RECORD=1. @param records at most a few: it is committed */
export function record(collector: string, records: readonly Uint8Array[]): void {
  if (process.env.HUATUO_RECORD !== '1') return;
  const recording: Recording = {
    layout: builtManifest(collector).event?.hash ?? '',
    records: records.map((bytes) => Buffer.from(bytes).toString('hex')),
  };
  mkdirSync(dirname(pathOf(collector)), { recursive: true });
  writeFileSync(pathOf(collector), `${JSON.stringify(recording, null, 2)}\n`);
}

/**
 * Decodes a recording with the collector's real decoder, without a kernel, and compares with the golden documents;
 * UPDATE_GOLDEN=1 writes those.
 * @param answer what the decoder is told when it asks
 * @returns the documents' text
 */
export function replay(collector: string, answer: Answer = everythingIsTheHosts): string {
  const { layout, records } = JSON.parse(readFileSync(pathOf(collector), 'utf8')) as Recording;
  const { event } = builtManifest(collector);
  assert.ok(event);
  assert.equal(
    layout,
    event.hash,
    `the struct of ${collector} has changed: record again with HUATUO_RECORD=1`,
  );
  const lines = decodeRecords(
    collector,
    records.map((text) => Buffer.from(text, 'hex')),
    answer,
  );
  if (process.env.UPDATE_GOLDEN) writeFileSync(golden(collector), lines);
  assert.equal(lines, readFileSync(golden(collector), 'utf8'), 'if that is meant: UPDATE_GOLDEN=1');
  return lines;
}

/**
 * Decodes records with the collector's real decoder, without a kernel.
 * @param answer what the decoder is told when it asks
 * @returns the documents' text
 */
export function decodeRecords(
  collector: string,
  records: readonly Uint8Array[],
  answer: Answer = everythingIsTheHosts,
): string {
  const { event } = builtManifest(collector);
  assert.ok(event);
  const decoder = Decoder.create({
    wasm: new WebAssembly.Module(readFileSync(at(`dist/wasm/${collector}.wasm`))),
    layout: event,
    sharedMemory: sharedMemoryFor(event, RING_BYTES, OUTPUT_BYTES),
    envelope: { idPrefix: `${'0'.repeat(32)}-${collector}-1-`, hostname: 'h', region: 'r' },
  });
  const ring = new FakeRing(decoder);
  for (const record of records) ring.submit(Buffer.from(record));
  return documentsOf(decoder, FIXED, answer);
}

/** What the build knows of a built-in object. */
export function builtManifest(collector: string): ObjectManifest {
  return JSON.parse(readFileSync(at(`dist/bpf/${collector}.json`), 'utf8')) as ObjectManifest;
}
