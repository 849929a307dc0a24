/** Headers of packets in the decoder of dropwatch: whatever bytes a packet has, what is shown was there. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import fc from 'fast-check';
import { maxDataBytes } from '../../src/decoder/bounds.ts';
import { Decoder } from '../../src/decoder/decoder.ts';
import { at } from '../../src/paths.ts';
import type { EventLayout } from '../../src/schema/manifest.ts';
import { documentsOf } from '../support/decoder-documents.ts';
import { FakeRing } from '../support/decoder-ring.ts';
import { sharedMemoryFor } from '../support/decoder-shared-memory.ts';
import { builtInProblems } from '../support/document-schema.ts';
import { FRAMES } from '../support/frame-samples.ts';
import { builtManifest } from '../support/ring-recording.ts';

interface Layers {
  readonly label: string;
  readonly [layer: string]: string | Readonly<Record<string, unknown>>;
}

const layout = builtManifest('dropwatch').event as EventLayout;
const field = layout.fields.find(({ format }) => format === 'packet') ?? assert.fail();
const HEAD_BYTES = 8;
const decoder = Decoder.create({
  wasm: new WebAssembly.Module(readFileSync(at('dist/wasm/dropwatch.wasm'))),
  layout,
  sharedMemory: sharedMemoryFor(layout, 1 << 17, 1 << 16),
  envelope: { idPrefix: 'x-', hostname: 'h', region: 'r' },
});
const ring = new FakeRing(decoder);

/** What the decoder makes of a `struct packet_head`. */
function layersOf(head: Uint8Array): Layers {
  const record = new Uint8Array(layout.bytes);
  record.set(head, field.offset);
  ring.submit(record);
  const line = documentsOf(
    decoder,
    { uploadedTime: '2026-01-01T00:00:00.000Z', wallOffset_ns: 0n },
    () => '"x"',
  );
  const { tracer_data } = JSON.parse(line) as { tracer_data: { layers: Layers } };
  assert.deepEqual(builtInProblems('dropwatch', tracer_data), [], line);
  assert.ok(line.length <= maxDataBytes(layout));
  decoder.commit(decoder.readPosition);
  return tracer_data.layers;
}

function headOf(frame: Uint8Array, bytes = frame.length, start = 0): Uint8Array {
  const head = new Uint8Array(field.bytes);
  const shown = Math.min(bytes, field.bytes - HEAD_BYTES - start);
  head[0] = start;
  head[1] = 1;
  head[2] = start + shown;
  head.set(frame.subarray(0, shown), HEAD_BYTES + start);
  return head;
}

test('any bytes become an object as it is declared, within its bound', () => {
  const bytes = fc.uint8Array({ minLength: field.bytes, maxLength: field.bytes });
  fc.assert(
    fc.property(bytes, fc.nat(8), (head, first) => {
      // Not all zero, which is no packet.
      head[7] = 1;
      head[0] = first;
      assert.equal(typeof layersOf(head).label, 'string');
    }),
    { numRuns: 2000 },
  );
});

test('frames with bytes that were changed are read without harm', () => {
  const changes = fc.array(fc.tuple(fc.nat(90), fc.nat(255)), { minLength: 1, maxLength: 6 });
  const frames = fc.constantFrom(...Object.values(FRAMES));
  fc.assert(
    fc.property(frames, changes, fc.nat(4), (frame, changed, start) => {
      const copy = Buffer.from(frame);
      for (const [place, value] of changed) if (place < copy.length) copy[place] = value;
      assert.equal(typeof layersOf(headOf(copy, copy.length, start)).label, 'string');
    }),
    { numRuns: 3000 },
  );
});

for (const [label, frame] of Object.entries(FRAMES)) {
  test(`${label}: of a frame that was cut anywhere, what is shown is as in the whole one`, () => {
    const whole = layersOf(headOf(frame));
    assert.equal(whole.label, label);
    let before = 0;
    for (let bytes = 1; bytes <= frame.length; bytes++) {
      const { label: _, ...layers } = layersOf(headOf(frame, bytes));
      // A chain of tags that is cut says what the last tag says.
      for (const [name, members] of Object.entries(layers))
        for (const [member, value] of Object.entries(members))
          if (name !== 'ether') assert.deepEqual((whole[name] as Record<string, unknown>)[member], value);
      assert.ok(Object.keys(layers).length >= before, 'more bytes show no less');
      before = Object.keys(layers).length;
    }
    assert.equal(before, Object.keys(whole).length - 1);
  });
}
