/** How fast ring records become documents, and how fast the ring is walked, on one core. */
import { Decoder } from '../../src/decoder/decoder.ts';
import { OWNER } from '../../src/decoder/lookup-kinds.ts';
import { SOFTIRQ_LIKE } from '../support/decoder-layouts.ts';
import { moduleFor } from '../support/decoder-module.ts';
import { FakeRing } from '../support/decoder-ring.ts';
import { sharedMemoryFor } from '../support/decoder-shared-memory.ts';

interface DecodeFigures {
  readonly documents_per_second: number;
  readonly bytes_per_document: number;
  readonly records_walked_per_second: number;
}

const RING_BYTES = 1 << 20;
const OUTPUT_BYTES = 1 << 20;
const SECONDS = 1;
const CONTAINER =
  ',"container_id":"0b9bd2f4a5c1","container_hostname":"web-7f","container_type":"docker","container_qos":"burstable"';

/** Decodes one full ring of 72-byte records, in batches of 1 MiB, again and again for a second; then walks it. */
export async function benchDecode(): Promise<DecodeFigures> {
  const decoder = Decoder.create({
    wasm: await moduleFor(SOFTIRQ_LIKE),
    layout: SOFTIRQ_LIKE,
    sharedMemory: sharedMemoryFor(SOFTIRQ_LIKE, RING_BYTES, OUTPUT_BYTES),
    envelope: { idPrefix: `${'5'.repeat(32)}-softirq-42-`, hostname: 'node-17.example.org', region: 'eu-1' },
  });
  const records = fill(new FakeRing(decoder));
  for (let id = 1n; id <= 64n; id++) decoder.addLookup({ kind: OWNER, key: id, process: 0 }, CONTAINER);

  const decoded = repeat(() => decodeRing(decoder));
  const walked = repeat(() => {
    decoder.readPosition = 0n;
    return { documents: decoder.walk(records), bytes: 0 };
  });
  return {
    documents_per_second: Math.round(decoded.documents / decoded.seconds),
    bytes_per_document: Math.round(decoded.bytes / decoded.documents),
    records_walked_per_second: Math.round(walked.documents / walked.seconds),
  };
}

interface Work {
  readonly documents: number;
  readonly bytes: number;
}

function decodeRing(decoder: Decoder): Work {
  let documents = 0;
  let bytes = 0;
  decoder.readPosition = 0n;
  for (let status = 'output_full'; status === 'output_full'; ) {
    decoder.beginBatch('2026-01-01T00:00:00.000Z', 1_700_000_000_000_000_000n);
    const result = decoder.decode();
    status = result.status;
    documents += result.documents;
    bytes += result.bytes;
  }
  return { documents, bytes };
}

function repeat(work: () => Work): Work & { readonly seconds: number } {
  // The engine replaces its first, quick translation of the module while it runs.
  for (const end = performance.now() + 300; performance.now() < end; ) work();
  let documents = 0;
  let bytes = 0;
  const start = performance.now();
  while (performance.now() - start < SECONDS * 1000) {
    const done = work();
    documents += done.documents;
    bytes += done.bytes;
  }
  return { documents, bytes, seconds: (performance.now() - start) / 1000 };
}

/** @returns records written */
function fill(ring: FakeRing): number {
  let records = 0;
  while (ring.freeBytes >= SOFTIRQ_LIKE.bytes + 8) {
    ring.submit(record(records));
    records++;
  }
  return records;
}

/** Values spread as those of a busy host are: lengths of numbers and names differ from one record to the next. */
function record(i: number): Uint8Array {
  const spread = Math.imul(i + 1, 0x9e3779b1) >>> 0;
  const bytes = new Uint8Array(SOFTIRQ_LIKE.bytes);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, BigInt(i) * 20_000n, true);
  view.setBigUint64(8, BigInt(spread % 50_000_000), true);
  view.setBigUint64(16, 10_000_000n, true);
  view.setBigUint64(24, BigInt((spread >>> 8) % 64) + 1n, true);
  view.setUint32(32, (spread >>> 5) % 5, true);
  view.setUint32(36, (spread >>> 9) % 96, true);
  view.setUint32(40, (spread >>> 7) % 4_000_000, true);
  view.setUint32(44, (spread >>> 6) % 4_000_000, true);
  bytes.set(new TextEncoder().encode(['nginx', 'ksoftirqd/12', 'kworker/3:1-evt', 'java'][spread % 4]), 48);
  view.setBigUint64(64, 0xffff_ffff_8100_0000n + BigInt(spread), true);
  return bytes;
}

if (import.meta.main) console.log(await benchDecode());
