/** Generated decoders against the reference, over random layouts and hostile records. */
import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { Decoder } from '../../src/decoder/decoder.ts';
import type { LookupKind } from '../../src/decoder/lookup-kinds.ts';
import { structsOf } from '../../src/schema/variants.ts';
import { eventFields, eventRecord, variantFields } from '../support/decoder-arbitraries.ts';
import { documentsOf } from '../support/decoder-documents.ts';
import { layoutOf, layoutOfVariants } from '../support/decoder-layouts.ts';
import { moduleFor } from '../support/decoder-module.ts';
import { FakeRing } from '../support/decoder-ring.ts';
import { sharedMemoryFor } from '../support/decoder-shared-memory.ts';
import { type DocumentParts, referenceDocument } from '../support/reference-decoder.ts';

const LAYOUTS = 8;
const RINGS_OF_SEVERAL = 4;
const RUNS = 60;
const RECORDS_PER_RUN = 50;

const IDENTITY = { idPrefix: '0123456789abcdef-sample-7-', hostname: 'höst "1"\n', region: 'r\\1' };
const OWNERS: readonly LookupKind['type'][] = ['owner', 'owner_names', 'netns_owner'];
/** Texts of every length, and for members also none; what two numbers have in common their texts have not. */
function textOf(kind: LookupKind, key: bigint, frame?: Uint8Array): string {
  const which = `${kind.type === 'kernel_enum' ? kind.name : kind.type} ${frame ? Buffer.from(frame).toString('hex') : key}`;
  const long = 'c'.repeat(Number(key % 40n));
  if (!OWNERS.includes(kind.type)) return JSON.stringify(`${which}${long}`);
  return key % 2n === 0n ? '' : `,${JSON.stringify(kind.type)}:${JSON.stringify(`${which}${long}`)}`;
}

const seed = Number(process.env.FC_SEED ?? Date.now() & 0x7fff_ffff);
const layouts = [
  ...fc.sample(eventFields, { numRuns: LAYOUTS, seed }).map(layoutOf),
  ...fc
    .sample(variantFields, { numRuns: RINGS_OF_SEVERAL, seed })
    .map(([first = [], ...others]) => layoutOfVariants(first, ...others)),
];
for (const [index, layout] of layouts.entries()) {
  const formats = structsOf(layout)
    .map(({ fields }) => fields.map((field) => field.format).join(' '))
    .join(' | ');
  test(`layout ${index} of seed ${seed} gives the reference's documents: ${formats}`, async () => {
    const wasm = await moduleFor(layout);
    const decoder = Decoder.create({
      wasm,
      layout,
      sharedMemory: sharedMemoryFor(layout, 1 << 17, 1 << 16),
      envelope: IDENTITY,
    });
    const ring = new FakeRing(decoder, 0xffff_f000n);
    const records = fc.array(eventRecord(layout), {
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
          textOf,
        };
        const expected = batch
          .map((record) => referenceDocument(parts, record, ring.submit(record)))
          .join('');
        assert.equal(documentsOf(decoder, { uploadedTime: time, wallOffset_ns: offset }, textOf), expected);
        decoder.commit(decoder.readPosition);
      },
    );
    fc.assert(property, { numRuns: RUNS, seed });
  });
}
