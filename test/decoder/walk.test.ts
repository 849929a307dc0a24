/** The ring walker against a model of the ring: any sequence of what BPF programs and the reader can do. */
import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { maxDataBytes } from '../../src/decoder/bounds.ts';
import { Decoder } from '../../src/decoder/decoder.ts';
import { LIMITS, MAX_ENVELOPE_BYTES } from '../../src/decoder/memory.ts';
import { TINY } from '../support/decoder-layouts.ts';
import { moduleFor } from '../support/decoder-module.ts';
import { FakeRing, strideOf } from '../support/decoder-ring.ts';
import { sharedMemoryFor } from '../support/decoder-shared-memory.ts';

const RING_BYTES = 4096;
const LONGEST_LINE = MAX_ENVELOPE_BYTES + LIMITS.MAX_OWNER_BYTES + maxDataBytes(TINY);
const wasm = await moduleFor(TINY);

interface ModelRecord {
  readonly start: bigint;
  readonly end: bigint;
  readonly length: number;
  readonly cgroupId: bigint;
  readonly number: bigint;
  state: 'busy' | 'submitted' | 'discarded';
}

type Command =
  | { readonly do: 'reserve' | 'submit' | 'discard'; readonly length: number; readonly cgroupId: bigint }
  | { readonly do: 'finish'; readonly which: number; readonly discard: boolean }
  | { readonly do: 'decode' | 'batch' | 'commit' | 'crash' };

/** Mostly the size of the struct with its tail, and sizes at both sides of what is accepted. */
const length = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: TINY.bytes - 1, max: TINY.bytes + 8 }) },
  fc.nat(200),
);
const command: fc.Arbitrary<Command> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({ do: fc.constant('submit' as const), length, cgroupId: fc.bigInt(0n, 6n) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constantFrom('reserve' as const, 'discard' as const),
      length,
      cgroupId: fc.bigInt(0n, 6n),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('finish' as const), which: fc.nat(), discard: fc.boolean() }),
  },
  { weight: 3, arbitrary: fc.constantFrom<Command>({ do: 'decode' }, { do: 'decode' }, { do: 'commit' }) },
  { weight: 1, arbitrary: fc.constantFrom<Command>({ do: 'batch' }, { do: 'batch' }, { do: 'crash' }) },
);

/** Where 32 bits end, where doubles stop counting, and the ring's own wrap. */
const startPosition = fc
  .tuple(fc.constantFrom(0n, 2n ** 32n, 2n ** 53n, 2n ** 63n), fc.nat(600))
  .map(([near, back]) => BigInt.asUintN(62, near - BigInt(back * 8)) & ~7n);

class Model {
  readonly decoder: Decoder;
  readonly ring: FakeRing;
  readonly records: ModelRecord[] = [];
  readonly known = new Set<bigint>([0n]);
  /** Index of the record that is read next, and of the first one not committed. */
  next = 0;
  committed = 0;
  number = 0n;
  expected = '';

  constructor(start: bigint) {
    this.decoder = Decoder.create({
      wasm,
      layout: TINY,
      sharedMemory: sharedMemoryFor(TINY, RING_BYTES, 0),
      envelope: { idPrefix: 'p-', hostname: 'h'.repeat(64), region: 'r' },
    });
    this.ring = new FakeRing(this.decoder, start);
    this.decoder.beginBatch('now', 0n);
  }

  run(step: Command): void {
    switch (step.do) {
      case 'finish':
        this.#finish(step);
        return;
      case 'decode':
        this.#decode();
        return;
      case 'batch':
        this.decoder.beginBatch('now', 0n);
        this.expected = '';
        return;
      case 'commit':
        this.decoder.commit(this.decoder.readPosition);
        this.committed = this.next;
        return;
      case 'crash':
        this.decoder.readPosition = this.decoder.consumerPosition;
        this.next = this.committed;
        return;
      default:
        this.#reserve(step);
    }
  }

  #reserve({ do: what, length, cgroupId }: Extract<Command, { readonly length: number }>): void {
    if (this.ring.freeBytes < strideOf(length)) return;
    const payload = new Uint8Array(Math.max(length, TINY.bytes));
    new BigUint64Array(payload.buffer, 0, 3).set([1n, this.number, cgroupId]);
    const start = this.ring.reserve(payload.subarray(0, length));
    const end = start + BigInt(strideOf(length));
    this.records.push({ start, end, length, cgroupId, number: this.number, state: 'busy' });
    this.number++;
    if (what === 'reserve') return;
    this.#finishRecord(this.records.at(-1), what === 'discard');
  }

  #finish({ which, discard }: Extract<Command, { readonly do: 'finish' }>): void {
    const busy = this.records.filter((record) => record.state === 'busy');
    this.#finishRecord(busy[which % busy.length], discard);
  }

  #finishRecord(record: ModelRecord | undefined, discard: boolean): void {
    if (!record) return;
    this.ring.finish(record.start, record.length, discard);
    record.state = discard ? 'discarded' : 'submitted';
  }

  /** What the decoder does is followed record by record: each must be treated as its state and length demand. */
  #decode(): void {
    const result = this.decoder.decode();
    const counts = { documents: 0, malformed: 0, discarded: 0 };
    for (
      let record = this.records[this.next];
      record && record.end <= result.position;
      record = this.records[this.next]
    ) {
      assert.notEqual(record.state, 'busy');
      counts[this.#fate(record)]++;
      this.next++;
    }
    assert.deepEqual(
      { documents: result.documents, malformed: result.malformed, discarded: result.discarded },
      counts,
    );
    assert.equal(result.position, this.records[this.next]?.start ?? this.ring.producer);
    const lines = Buffer.from(this.decoder.output()).toString();
    assert.equal(lines.replaceAll(/^.*"event_id":"([^"]*)".*"number":(\d+).*$/gm, '$1 $2'), this.expected);
    assert.equal(this.decoder.output().length, result.bytes);

    const blocking = this.records[this.next];
    switch (result.status) {
      case 'empty':
        assert.equal(blocking, undefined);
        return;
      case 'busy':
        assert.equal(blocking?.state, 'busy');
        return;
      case 'output_full':
        assert.ok(result.bytes > 0 && this.decoder.regions.output.bytes - result.bytes < LONGEST_LINE);
        assert.ok(blocking && this.#fateOf(blocking) === 'documents');
        return;
      case 'lookup_miss': {
        const [lookup, ...others] = result.lookups;
        assert.ok(lookup && others.length === 0);
        assert.equal(blocking?.state, 'submitted');
        assert.equal(lookup.key, blocking?.cgroupId);
        assert.ok(!this.known.has(lookup.key));
        this.known.add(lookup.key);
        this.decoder.addLookup(lookup, '');
        this.#decode();
        return;
      }
      default:
        assert.fail(`a sound ring was found ${result.corruption.invariant}`);
    }
  }

  #fateOf(record: ModelRecord): 'documents' | 'malformed' | 'discarded' {
    if (record.state === 'discarded') return 'discarded';
    return record.length >= TINY.bytes && record.length < TINY.bytes + 8 ? 'documents' : 'malformed';
  }

  #fate(record: ModelRecord): 'documents' | 'malformed' | 'discarded' {
    const fate = this.#fateOf(record);
    if (fate === 'documents') {
      assert.ok(this.known.has(record.cgroupId));
      this.expected += `p-${record.start.toString(16).padStart(16, '0')} ${record.number}\n`;
    }
    return fate;
  }
}

test('every record is read once, in order, as what it is, whatever programs and reader do', () => {
  const run = fc.property(
    startPosition,
    fc.array(command, { maxLength: 300, size: 'max' }),
    (start, commands) => {
      const model = new Model(start);
      for (const step of commands) model.run(step);
      model.run({ do: 'batch' });
      model.run({ do: 'decode' });
    },
  );
  fc.assert(run, { numRuns: 150 });
});

test('walk counts the committed records and moves nothing', () => {
  const model = new Model(2n ** 32n - 64n);
  for (let i = 0; i < 10; i++) model.run({ do: 'submit', length: TINY.bytes, cgroupId: 0n });
  model.run({ do: 'reserve', length: TINY.bytes, cgroupId: 0n });
  const before = model.decoder.readPosition;
  assert.equal(model.decoder.walk(1000), 10);
  assert.equal(model.decoder.walk(4), 4);
  assert.equal(model.decoder.readPosition, before);
});
