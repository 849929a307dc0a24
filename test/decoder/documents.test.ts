/** Generated decoders against the reference, over random layouts and hostile records. */
import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { Decoder } from '../../src/decoder/decoder.ts';
import { eventFields, recordOf } from '../support/decoder-arbitraries.ts';
import { layoutOf } from '../support/decoder-layouts.ts';
import { moduleFor } from '../support/decoder-module.ts';
import { FakeRing } from '../support/decoder-ring.ts';
import { sharedMemoryFor } from '../support/decoder-shared-memory.ts';
import { type DocumentParts, referenceDocument } from '../support/reference-decoder.ts';

const LAYOUTS = 8;
const RUNS = 60;
const RECORDS_PER_RUN = 50;

const IDENTITY = { idPrefix: '0123456789abcdef-sample-7-', hostname: 'höst "1"\n', region: 'r\\1' };
const SYMBOLS = [
  { address: 0xffff_ffff_8100_0000n, name: 'startup_64' },
  { address: 0xffff_ffff_8100_0010n, name: 'x' },
  {
    address: 0xffff_ffff_8100_0100n,
    name: 'a_function_with_a_name_that_is_longer_than_one_copy_of_64_bytes_moves',
  },
  { address: 0xffff_ffff_8100_0300n, name: '' },
];

const fragmentOf = (cgroupId: bigint): string =>
  cgroupId % 2n === 0n ? '' : `,"container_id":"${'c'.repeat(Number(cgroupId % 200n))}"`;

function symbolTable(): { addresses: BigUint64Array; nameOffsets: Uint32Array; names: Uint8Array } {
  const offsets = [0];
  for (const { name } of SYMBOLS) offsets.push((offsets.at(-1) ?? 0) + name.length);
  return {
    addresses: BigUint64Array.from(SYMBOLS, ({ address }) => address),
    nameOffsets: Uint32Array.from(offsets),
    names: Buffer.from(SYMBOLS.map(({ name }) => name).join('')),
  };
}

/** Everything the ring holds as text; answers what the decoder asks for on the way. */
function documentsOf(decoder: Decoder, batch: { uploadedTime: string; wallOffset_ns: bigint }): string {
  let lines = '';
  for (;;) {
    decoder.beginBatch(batch.uploadedTime, batch.wallOffset_ns);
    let result = decoder.decode();
    while (result.status === 'container_miss') {
      decoder.addContainer(result.cgroupId, fragmentOf(result.cgroupId) || null);
      result = decoder.decode();
    }
    lines += Buffer.from(decoder.output()).toString();
    if (result.status !== 'output_full') return lines;
  }
}

const seed = Number(process.env.FC_SEED ?? Date.now() & 0x7fff_ffff);
for (const [index, fields] of fc.sample(eventFields, { numRuns: LAYOUTS, seed }).entries()) {
  const layout = layoutOf(fields);
  const formats = fields.map((field) => field.format).join(' ');
  test(`layout ${index} of seed ${seed} gives the reference's documents: ${formats}`, async () => {
    const wasm = await moduleFor(layout);
    const symbols = symbolTable();
    const decoder = Decoder.create({
      wasm,
      layout,
      sharedMemory: sharedMemoryFor(layout, 1 << 17, 1 << 16, symbols),
      envelope: IDENTITY,
      symbols,
    });
    const ring = new FakeRing(decoder, 0xffff_f000n);
    const records = fc.array(recordOf(layout.fields, layout.bytes), {
      minLength: 1,
      maxLength: RECORDS_PER_RUN,
      size: 'max',
    });
    const property = fc.property(
      records,
      fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n),
      fc.string(),
      (batch, offset, time) => {
        const parts: DocumentParts = {
          ...IDENTITY,
          layout,
          uploadedTime: time,
          wallOffset_ns: offset,
          fragmentOf,
          symbols: SYMBOLS,
        };
        const expected = batch
          .map((record) => referenceDocument(parts, record, ring.submit(record)))
          .join('');
        assert.equal(documentsOf(decoder, { uploadedTime: time, wallOffset_ns: offset }), expected);
        decoder.commit(decoder.readPosition);
      },
    );
    fc.assert(property, { numRuns: RUNS, seed });
  });
}
