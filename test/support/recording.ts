/**
 * Records of a real kernel, kept with the tests: written once as root, decoded anywhere by the decoder of the build.
 *
 *   record()  real ring ──► test/fixtures/records/<collector>.hex: hash of the layout, then a record a line
 *   replay()  the same file ──► ring of the test's own ──► real decoder ──► documents
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { Decoder, decoderNeeds } from '../../src/decoder/decoder.ts';
import type { Lookup, LookupKind } from '../../src/decoder/lookup-kinds.ts';
import { KernelObject } from '../../src/kernel/object.ts';
import { MappedRing } from '../../src/kernel/ring.ts';
import { at } from '../../src/paths.ts';
import type { ObjectManifest } from '../../src/schema/manifest.ts';
import { FakeRing, strideOf } from './decoder-ring.ts';
import { sharedMemoryFor } from './decoder-shared-memory.ts';

const OUTPUT_BYTES = 1 << 20;
const NOT_A_RECORD = 0xc000_0000;
const HEADER_BYTES = 8;

const manifestOf = (collector: string): ObjectManifest =>
  JSON.parse(readFileSync(at(`dist/bpf/${collector}.json`), 'utf8')) as ObjectManifest;
const fileOf = (collector: string): string => at(`test/fixtures/records/${collector}.hex`);

/** Loads and attaches the built object, lets `provoke` make events, and writes what is in the ring then. */
export async function record(collector: string, provoke: () => Promise<void>): Promise<void> {
  const manifest = manifestOf(collector);
  const bytes = readFileSync(at(`dist/bpf/${collector}.bpf.o`));
  const object = await KernelObject.load({ manifest, bytes, options: {} });
  try {
    object.attach();
    const fds = [object.mapFd('events')!, object.mapFd('ledger_commits')!] as const;
    using ring = new MappedRing(...fds, decoderNeeds(manifest.event!, OUTPUT_BYTES));
    await provoke();
    const lines = [manifest.event!.hash, ...recordsOf(ring).map((payload) => payload.toString('hex'))];
    writeFileSync(fileOf(collector), lines.map((line) => `${line}\n`).join(''));
  } finally {
    object.unload();
  }
}

function recordsOf({ sharedMemory: { memory, regions } }: MappedRing): Buffer[] {
  const [producer = 0n] = new BigUint64Array(memory.buffer, regions.producer.offset, 1);
  const records: Buffer[] = [];
  for (let position = 0; position < Number(producer); ) {
    const start = regions.data.offset + position;
    const header = new DataView(memory.buffer).getUint32(start, true);
    const length = header & ~NOT_A_RECORD;
    if (header === length)
      records.push(Buffer.from(new Uint8Array(memory.buffer, start + HEADER_BYTES, length)));
    position += strideOf(length);
  }
  return records;
}

/**
 * @param textOf answers the decoder's questions, as the machine did on which the records were made
 * @returns the documents as they would be on disk, in an envelope that is always the same
 */
export function replay(collector: string, textOf: (kind: LookupKind, key: bigint) => string): string {
  const layout = manifestOf(collector).event!;
  const decoder = Decoder.create({
    wasm: readFileSync(at(`dist/wasm/${collector}.wasm`)),
    layout,
    sharedMemory: sharedMemoryFor(layout, 1 << 20, OUTPUT_BYTES),
    envelope: { idPrefix: `${'0'.repeat(32)}-${collector}-1-`, hostname: 'node-1', region: 'default' },
  });
  const ring = new FakeRing(decoder);
  const [hash, ...records] = readFileSync(fileOf(collector), 'utf8').trimEnd().split('\n');
  if (hash !== layout.hash) throw new Error(`${fileOf(collector)} is of another layout: record it anew`);
  for (const record of records) ring.submit(Buffer.from(record, 'hex'));
  decoder.beginBatch('2026-01-01T00:00:00.000Z', BigInt(Date.UTC(2026)) * 1_000_000n);
  let result = decoder.decode();
  const answer = (lookup: Lookup): void => {
    const kind = decoder.lookupKinds[lookup.kind - 1];
    if (kind) decoder.addLookup(lookup, textOf(kind, lookup.key));
  };
  while (result.status === 'lookup_miss') {
    result.lookups.forEach(answer);
    result = decoder.decode();
  }
  return Buffer.from(decoder.output()).toString();
}
