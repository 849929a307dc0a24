import assert from 'node:assert/strict';
import test from 'node:test';
import { Decoder } from '../../src/decoder/decoder.ts';
import { type Lookup, OWNER } from '../../src/decoder/lookup-kinds.ts';
import { MAX_LOOKUPS } from '../../src/decoder/lookup-table.ts';
import { type DecodeResult, ringCorrupt } from '../../src/decoder/result.ts';
import { EVERY_FORMAT, layoutOf, layoutOfVariants, TINY } from '../support/decoder-layouts.ts';
import { moduleFor } from '../support/decoder-module.ts';
import { FakeRing } from '../support/decoder-ring.ts';
import { sharedMemoryFor } from '../support/decoder-shared-memory.ts';

const RING_BYTES = 4096;
const START = 2n ** 32n - 1024n;
const wasm = await moduleFor(TINY);

function tinyDecoder(): Decoder {
  const decoder = Decoder.create({
    wasm,
    layout: TINY,
    sharedMemory: sharedMemoryFor(TINY, RING_BYTES, 1 << 16),
    envelope: { idPrefix: 'p-', hostname: 'h', region: 'r' },
  });
  decoder.beginBatch('now', 0n);
  return decoder;
}

const owner = (cgroupId: bigint): Lookup => ({ kind: OWNER, key: cgroupId, process: 0 });

const tinyRecord = (cgroupId = 0n): Uint8Array => new Uint8Array(BigUint64Array.of(1n, 2n, cgroupId).buffer);

/** One sound record in front, so that the documents made before the damage was met are seen to survive. */
function damaged(damage: (ring: FakeRing, decoder: Decoder) => void): {
  decoder: Decoder;
  result: DecodeResult;
} {
  const decoder = tinyDecoder();
  const ring = new FakeRing(decoder, START);
  ring.submit(tinyRecord());
  damage(ring, decoder);
  return { decoder, result: decoder.decode() };
}

const next = START + 32n;
const CORRUPTIONS: Record<
  string,
  {
    damage: (ring: FakeRing, decoder: Decoder) => void;
    invariant: string;
    explanation: RegExp;
    documents: number;
  }
> = {
  'a producer position behind the consumer position': {
    damage: (ring) => ring.publish(START - 8n),
    invariant: 'positions_too_far_apart',
    explanation: new RegExp(
      `producer position from the consumer position ${START} .* found producer position ${START - 8n}`,
    ),
    documents: 0,
  },
  'a producer position more than a ring ahead': {
    damage: (ring) => ring.publish(START + 4104n),
    invariant: 'positions_too_far_apart',
    explanation: new RegExp(`to 4096 bytes further, found producer position ${START + 4104n}`),
    documents: 0,
  },
  'a read position behind what was given back': {
    damage: (_, decoder) => {
      decoder.readPosition = START - 8n;
    },
    invariant: 'read_position_outside',
    explanation: new RegExp(`found read position ${START - 8n}`),
    documents: 0,
  },
  'a read position beyond the producer': {
    damage: (ring, decoder) => {
      decoder.readPosition = ring.producer + 8n;
    },
    invariant: 'read_position_outside',
    explanation: new RegExp(`found read position ${next + 8n}`),
    documents: 0,
  },
  'a read position between two words': {
    damage: (_, decoder) => {
      decoder.readPosition = START + 4n;
    },
    invariant: 'read_position_unaligned',
    explanation: /a multiple of 8, found read position/,
    documents: 0,
  },
  'a header longer than the ring': {
    damage: (ring) => {
      ring.submit(tinyRecord());
      ring.writeHeader(next, RING_BYTES + 1, 0);
    },
    invariant: 'length_beyond_ring',
    explanation: new RegExp(
      `at most 4096 bytes at ring position ${next}, found a header that says 4097 bytes`,
    ),
    documents: 1,
  },
  'a header of the longest length there is': {
    damage: (ring) => {
      ring.submit(tinyRecord());
      ring.writeHeader(next, 0x3fff_ffff, 0);
    },
    invariant: 'length_beyond_ring',
    explanation: /found a header that says 1073741823 bytes/,
    documents: 1,
  },
  'a record that ends behind the producer position': {
    damage: (ring) => {
      ring.submit(tinyRecord());
      ring.writeHeader(next, 32, 0);
    },
    invariant: 'end_beyond_producer',
    explanation: new RegExp(
      `ring position ${next} to end at or before .* found a header that puts its end at ${next + 40n}`,
    ),
    documents: 1,
  },
  'a discarded record that ends behind the producer position': {
    damage: (ring) => {
      ring.submit(tinyRecord());
      ring.writeHeader(next, 1000, 0x4000_0000);
    },
    invariant: 'end_beyond_producer',
    explanation: new RegExp(`its end at ${next + 1008n}`),
    documents: 1,
  },
};

for (const [name, { damage, invariant, explanation, documents }] of Object.entries(CORRUPTIONS)) {
  test(`${name} is a corrupt ring, explained`, () => {
    const { decoder, result } = damaged(damage);
    assert.ok(result.status === 'corrupt');
    assert.equal(result.corruption.invariant, invariant);
    assert.equal(result.documents, documents);
    assert.equal(Buffer.from(decoder.output()).toString().split('\n').length - 1, documents);
    const error = ringCorrupt(result.corruption, decoder.ringBytes);
    assert.equal(error.code, 'RING_CORRUPT');
    assert.match(error.message, explanation);
  });
}

test('without a batch there is no room for output, and nothing is read', () => {
  const decoder = Decoder.create({
    wasm,
    layout: TINY,
    sharedMemory: sharedMemoryFor(TINY, RING_BYTES, 1 << 16),
    envelope: { idPrefix: 'p-', hostname: 'h', region: 'r' },
  });
  const ring = new FakeRing(decoder, START);
  ring.submit(tinyRecord());
  assert.equal(decoder.decode().status, 'output_full');
  assert.equal(decoder.readPosition, START);
});

test('commit publishes what was saved and refuses to go back or beyond the producer', () => {
  const decoder = tinyDecoder();
  const ring = new FakeRing(decoder, START);
  ring.submit(tinyRecord());
  decoder.commit(next);
  assert.equal(decoder.consumerPosition, next);
  assert.throws(() => decoder.commit(START), { code: 'RING_CORRUPT' });
  assert.throws(() => decoder.commit(next + 8n), { code: 'RING_CORRUPT' });
  assert.equal(decoder.consumerPosition, next);
});

/** Decodes one record of this cgroup. */
function decodeOne(decoder: Decoder, ring: FakeRing, cgroupId: bigint): DecodeResult {
  decoder.beginBatch('now', 0n);
  decoder.commit(decoder.readPosition);
  if (decoder.producerPosition === decoder.readPosition) ring.submit(tinyRecord(cgroupId));
  return decoder.decode();
}

test('a full table is emptied and counted, asked for again, and never mixes two texts up', () => {
  const decoder = tinyDecoder();
  const ring = new FakeRing(decoder, START);
  const first = 4_000_000_000n;
  const last = first + BigInt(MAX_LOOKUPS);
  for (let id = first; id < last; id++) decoder.addLookup(owner(id), `,"container_id":"${id}"`);
  for (const id of [first, first + 77n, last - 1n]) {
    assert.equal(decodeOne(decoder, ring, id).status, 'empty');
    assert.match(
      Buffer.from(decoder.output()).toString(),
      new RegExp(`,"container_id":"${id}","tracer_data"`),
    );
  }
  decoder.addLookup(owner(last), '');
  assert.equal(decoder.lookupEvictions, MAX_LOOKUPS);
  assert.equal(decodeOne(decoder, ring, last).status, 'empty');
  assert.equal(decodeOne(decoder, ring, first).status, 'lookup_miss');
});

test('descriptions that no longer fit empty the table too', () => {
  const decoder = tinyDecoder();
  const ring = new FakeRing(decoder, START);
  const long = `,"container_id":"${'x'.repeat(4000)}"`;
  for (let id = 1n; id <= 300n; id++) decoder.addLookup(owner(id), long);
  assert.equal(decodeOne(decoder, ring, 300n).status, 'empty');
  assert.equal(JSON.parse(Buffer.from(decoder.output()).toString()).container_id.length, 4000);
  assert.equal(decodeOne(decoder, ring, 1n).status, 'lookup_miss');
});

test('a cgroup whose container was forgotten is asked for again', () => {
  const decoder = tinyDecoder();
  const ring = new FakeRing(decoder, START);
  decoder.addLookup(owner(9n), '');
  assert.equal(decodeOne(decoder, ring, 9n).status, 'empty');
  decoder.clearLookups();
  assert.equal(decodeOne(decoder, ring, 9n).status, 'lookup_miss');
});

test('a description beyond its bound is refused before it is written', () => {
  assert.throws(() => tinyDecoder().addLookup(owner(1n), 'x'.repeat(4097)), { code: 'COLLECTOR_INVALID' });
});

test('an envelope beyond its bound is refused', () => {
  const decoder = tinyDecoder();
  assert.throws(() => decoder.beginBatch('x'.repeat(9000), 0n), { code: 'CONFIG_INVALID' });
});

test('a module for a struct of another size is refused', () => {
  const options = { wasm, layout: EVERY_FORMAT, sharedMemory: sharedMemoryFor(EVERY_FORMAT, RING_BYTES, 1) };
  const envelope = { idPrefix: '', hostname: '', region: '' };
  assert.throws(() => Decoder.create({ ...options, envelope }), { code: 'LAYOUT_MISMATCH' });
});

test('a record with several unknown texts asks for all of them at once, each once, and is written when they are told', async () => {
  const decoder = Decoder.create({
    wasm: await moduleFor(EVERY_FORMAT),
    layout: EVERY_FORMAT,
    sharedMemory: sharedMemoryFor(EVERY_FORMAT, RING_BYTES, 1),
    envelope: { idPrefix: '', hostname: '', region: '' },
  });
  decoder.beginBatch('now', 0n);
  const ring = new FakeRing(decoder);
  const record = new Uint8Array(EVERY_FORMAT.bytes);
  const offsetOf = (format: string): number => EVERY_FORMAT.fields.find((f) => f.format === format)!.offset;
  new BigUint64Array(record.buffer, offsetOf('kstack'), 4).set([17n, 33n, 17n, 3n]);
  new BigUint64Array(record.buffer, offsetOf('cgroup_id'), 1).set([5n]);
  ring.submit(record);
  const result = decoder.decode();
  assert.ok(result.status === 'lookup_miss');
  assert.deepEqual([result.documents, decoder.output().length], [0, 0]);
  const questions = result.lookups.map(({ kind, key }) => [decoder.lookupKinds[kind - 1]?.type, key]);
  assert.deepEqual(
    questions.filter(([type]) => type === 'kernel_frame' || type === 'owner'),
    [
      ['owner', 5n],
      ['kernel_frame', 17n],
      ['kernel_frame', 33n],
      ['kernel_frame', 3n],
    ],
  );
  for (const lookup of result.lookups) {
    const { type } = decoder.lookupKinds[lookup.kind - 1]!;
    decoder.addLookup(lookup, type.includes('owner') ? '' : `"${type} ${lookup.key}"`);
  }
  assert.equal(decoder.decode().documents, 1);
  const document = JSON.parse(Buffer.from(decoder.output()).toString());
  const frames = [17, 33, 17, 3].map((address) => `kernel_frame ${address}`);
  assert.deepEqual(document.tracer_data.stack, frames);
});

test('a stack of more unknown frames than one list holds is asked for in turns', async () => {
  const layout = layoutOf([
    { name: 'time', format: 'ktime_ns', bytes: 8 },
    { name: 'stack', format: 'kstack', bytes: 8, length: 150 },
  ]);
  const decoder = Decoder.create({
    wasm: await moduleFor(layout),
    layout,
    sharedMemory: sharedMemoryFor(layout, RING_BYTES, 1),
    envelope: { idPrefix: '', hostname: '', region: '' },
  });
  decoder.beginBatch('now', 0n);
  const words = BigUint64Array.from({ length: 151 }, (_, index) => BigInt(index + 1));
  new FakeRing(decoder).submit(new Uint8Array(words.buffer));
  const asked: number[] = [];
  for (let result = decoder.decode(); result.status === 'lookup_miss'; result = decoder.decode()) {
    asked.push(result.lookups.length);
    for (const lookup of result.lookups) decoder.addLookup(lookup, `"${lookup.key}"`);
  }
  assert.deepEqual(asked, [64, 64, 22]);
  assert.equal(JSON.parse(Buffer.from(decoder.output()).toString()).tracer_data.stack.length, 150);
});

test('a record whose tag or length of tail is not of its struct is malformed, and nothing of it is read', async () => {
  const tail = [
    { name: 'tail_len', format: 'tail_length', bytes: 4 },
    { name: 'data', format: 'bytes_tail', bytes: 1, length: 16 },
  ] as const;
  const layout = layoutOfVariants(tail, [{ name: 'number', format: 'id', bytes: 4 }]);
  const decoder = Decoder.create({
    wasm: await moduleFor(layout),
    layout,
    sharedMemory: sharedMemoryFor(layout, RING_BYTES, 1),
    envelope: { idPrefix: '', hostname: '', region: '' },
  });
  decoder.beginBatch('now', 0n);
  const ring = new FakeRing(decoder);
  const submit = (tag: number, second: number, bytes: number): void => {
    const record = new Uint8Array(bytes).fill(0xab);
    record.fill(0, 0, 16);
    new Uint32Array(record.buffer, 16, 2).set([tag, second]);
    ring.submit(record);
  };
  submit(0, 3, 24 + 16);
  submit(1, 7, 24);
  submit(2, 0, 24); // no such tag
  submit(0, 17, 24 + 24); // longer than TAIL() allows
  submit(0, 16, 24 + 15); // longer than the record
  submit(0, 0xffff_ffff, 24 + 16);
  submit(1, 7, 24 + 16); // longer than the struct
  const result = decoder.decode();
  assert.deepEqual([result.documents, result.malformed], [2, 5]);
  const documents = Buffer.from(decoder.output()).toString().trimEnd().split('\n');
  assert.deepEqual(
    documents.map((line) => JSON.parse(line).tracer_data),
    [
      { cgroup_id: 0, kind: 'sample', data: 'ababab' },
      { cgroup_id: 0, kind: 'variant_1', number: 7 },
    ],
  );
});

test('a decoder that was disposed of refuses every call that would read the ring', () => {
  const decoder = tinyDecoder();
  new FakeRing(decoder, START);
  decoder[Symbol.dispose]();
  const calls = [
    (): unknown => decoder.decode(),
    (): unknown => decoder.walk(1),
    (): unknown => decoder.consumerPosition,
    (): unknown => decoder.producerPosition,
    (): unknown => decoder.commit(START),
  ];
  for (const call of calls) assert.throws(call, { code: 'CANCELLED' });
});

test('a successor in the same memory starts as if nobody had been there', () => {
  const sharedMemory = sharedMemoryFor(TINY, RING_BYTES, 1 << 16);
  const options = {
    wasm,
    layout: TINY,
    sharedMemory,
    envelope: { idPrefix: 'p-', hostname: 'h', region: 'r' },
  };
  const decoder = Decoder.create(options);
  const ring = new FakeRing(decoder, START);
  decoder.beginBatch('now', 0n);
  decoder.addLookup(owner(7n), ',"container_id":"seven"');
  ring.submit(tinyRecord(7n));
  assert.equal(decoder.decode().documents, 1);

  const successor = Decoder.create(options);
  assert.equal(successor.readPosition, 0n);
  successor.readPosition = successor.consumerPosition;
  assert.equal(successor.decode().status, 'output_full');
  assert.equal(successor.output().byteLength, 0);
  successor.beginBatch('now', 0n);
  const result = successor.decode();
  assert.ok(result.status === 'lookup_miss' && result.lookups[0]?.key === 7n);
});
