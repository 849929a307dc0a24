/** Random event layouts, and records for them as hostile as a kernel can be made to write. */
import fc from 'fast-check';
import type { EventLayout, FieldFormat, FieldLayout } from '../../src/schema/manifest.ts';
import { structsOf } from '../../src/schema/variants.ts';
import type { FieldSpec } from './decoder-layouts.ts';

type Shape = Omit<FieldSpec, 'name'>;

const width = fc.constantFrom(1, 2, 4, 8);
const oneToTwenty = fc.integer({ min: 1, max: 20 });

const numbers: fc.Arbitrary<Shape> = fc.record({
  format: fc.constantFrom<FieldFormat>('dur_ns', 'bytes', 'count', 'signed', 'id', 'hex', 'bool'),
  bytes: width,
});
const arrays: fc.Arbitrary<Shape> = fc.record({
  format: fc.constantFrom<FieldFormat>('dur_ns', 'bytes', 'count', 'signed', 'id', 'hex'),
  bytes: width,
  length: oneToTwenty,
});
const texts: fc.Arbitrary<Shape> = fc.oneof(
  fc.constant<Shape>({ format: 'comm', bytes: 16 }),
  fc.record({ format: fc.constant<FieldFormat>('text'), bytes: fc.integer({ min: 1, max: 80 }) }),
);
const addresses: fc.Arbitrary<Shape> = fc.constant<Shape>({ format: 'ip_addr', bytes: 16 });
const stacks: fc.Arbitrary<Shape> = fc.oneof(
  oneToTwenty.map((length): Shape => ({ format: 'kstack', bytes: 8, length })),
  oneToTwenty.map((length): Shape => ({ format: 'ustack', bytes: 32, length })),
);
const lookedUp: fc.Arbitrary<Shape> = fc.oneof(
  width.map((bytes): Shape => ({ format: 'kernel_enum', bytes, kernelEnum: `reason_${bytes % 3}` })),
  fc.constantFrom<FieldFormat>('block_dev', 'netdev', 'netns').map((format): Shape => ({ format, bytes: 4 })),
);

const enums: fc.Arbitrary<Shape> = width.chain((bytes) => {
  const value = fc.oneof(fc.bigInt(0n, 9n), fc.bigInt(0n, (1n << BigInt(bytes * 8)) - 1n));
  const name = fc.stringMatching(/^[A-Z][A-Za-z0-9_]{0,40}$/);
  return fc
    .array(fc.tuple(value, name), { minLength: 1, maxLength: 12 })
    .map((pairs) => ({ format: 'enum', bytes, enumerators: Object.fromEntries(pairs) }));
});

const cgroup: Shape = { format: 'cgroup_id', bytes: 8 };
const owned: Shape = { ...cgroup, owner: true };
const leaf = fc.oneof(
  fc.constantFrom(cgroup, owned),
  numbers,
  arrays,
  texts,
  addresses,
  enums,
  stacks,
  lookedUp,
);
const nested = fc.array(leaf, { minLength: 1, maxLength: 5 }).map((shapes): Shape => struct(shapes));
const nestedTwice = fc.tuple(nested, leaf).map(([inner, other]): Shape => struct([inner, other]));

function struct(shapes: readonly Shape[]): Shape {
  return { format: 'struct', bytes: 0, fields: named(shapes) };
}

/** Names of many lengths, so that constants of many lengths come between the values. The first two are always printed. */
function named(shapes: readonly Shape[]): FieldSpec[] {
  return shapes.map((shape, i) => ({
    ...shape,
    name: `f${i}_${'long'.repeat((i * 7) % 13)}`,
    ...(i % 3 === 2 && { optional: true }),
  }));
}

/** Fields of an event: some of everything, and the time anywhere among them. */
export const eventFields: fc.Arbitrary<FieldSpec[]> = fc
  .tuple(
    fc.array(fc.oneof({ weight: 6, arbitrary: leaf }, nested, nestedTwice), { minLength: 1, maxLength: 12 }),
    fc.nat(),
    fc.boolean(),
  )
  .map(([shapes, sharedMemory, withContainer]) => {
    const time: Shape = { format: 'ktime_ns', bytes: 8 };
    const all = [...shapes];
    all.splice(sharedMemory % (all.length + 1), 0, time, ...(withContainer ? [cgroup] : []));
    return named(all);
  });

/** Fields that end in a tail with its length. */
export const tailFields: fc.Arbitrary<FieldSpec[]> = fc
  .tuple(
    fc.array(leaf, { maxLength: 4 }),
    fc.constantFrom<FieldFormat>('text_tail', 'bytes_tail'),
    fc.integer({ min: 1, max: 200 }),
  )
  .map(([shapes, format, most]) => [
    ...named(shapes),
    { name: 'tail_len', format: 'tail_length', bytes: 4 },
    { name: 'tail', format, bytes: 1, length: most },
  ]);

/** Fields of the structs of one ring, without their heads. */
export const variantFields: fc.Arbitrary<FieldSpec[][]> = fc.array(
  fc.oneof(tailFields, fc.array(leaf, { maxLength: 5 }).map(named)),
  { minLength: 2, maxLength: 4 },
);

/** Bytes of a record with one of the event's structs, its tail behind it. */
export function eventRecord(layout: EventLayout): fc.Arbitrary<Uint8Array> {
  return fc.oneof(
    ...structsOf(layout).map((struct) => {
      const tail = struct.fields.find(({ format }) => format === 'text_tail' || format === 'bytes_tail');
      const record = recordOf(struct.fields, struct.bytes);
      if (!tail) return record;
      return fc
        .tuple(record, textBytes(tail.length ?? 0), fc.nat(tail.length ?? 0))
        .map(([bytes, behind, used]) => {
          const length = struct.fields.find(({ format }) => format === 'tail_length');
          bytes.set(littleEndian(BigInt(used), 4), length?.offset);
          return Buffer.concat([bytes, behind]);
        });
    }),
  );
}

/** Fields of a map's key or value: all but the time are what events have, too. */
export const leafFields: fc.Arbitrary<FieldSpec[]> = fc
  .array(
    fc.oneof({ weight: 6, arbitrary: leaf }, nested, fc.constant<Shape>({ format: 'ktime_ns', bytes: 8 })),
    { minLength: 1, maxLength: 8 },
  )
  .map(named);

/** Bytes of a record with these fields. */
export function recordOf(fields: readonly FieldLayout[], bytes: number): fc.Arbitrary<Uint8Array> {
  return fc.tuple(...fields.map(bytesOf)).map((values) => {
    const record = new Uint8Array(bytes);
    fields.forEach((field, i) => {
      record.set(values[i] ?? [], field.offset);
    });
    return record;
  });
}

function bytesOf(field: FieldLayout): fc.Arbitrary<Uint8Array> {
  switch (field.format) {
    case 'struct':
      return recordOf(field.fields ?? [], field.bytes);
    case 'comm':
    case 'text':
      return textBytes(field.bytes);
    case 'ip_addr':
      return ipBytes;
    case 'kstack':
      return repeated(frame, field.length ?? 0, 8);
    case 'ustack':
      return fc
        .array(userFrame, { minLength: field.length ?? 0, maxLength: field.length ?? 0 })
        .map((frames) => Buffer.concat(frames));
    case 'kernel_enum':
    case 'block_dev':
    case 'netdev':
    case 'netns':
      return fc.oneof(fc.bigInt(0n, 5n), bits(field.bytes)).map((value) => littleEndian(value, field.bytes));
    case 'enum': {
      const known = Object.keys(field.enumerators ?? {}).map(BigInt);
      return fc
        .oneof(fc.constantFrom(...known), bits(field.bytes))
        .map((value) => littleEndian(value, field.bytes));
    }
    case 'tag':
      return fc.constant(littleEndian(BigInt(Object.keys(field.enumerators ?? {})[0] ?? 0), 4));
    case 'text_tail':
    case 'bytes_tail':
      return fc.constant(new Uint8Array(0));
    case 'pad':
      return fc.uint8Array({ minLength: field.bytes, maxLength: field.bytes });
    case 'cgroup_id':
      return fc.oneof(fc.bigInt(0n, 5n), bits(8)).map((value) => littleEndian(value, 8));
    default: {
      const length = field.length ?? 1;
      return repeated(bits(field.bytes / length), length, field.bytes / length);
    }
  }
}

/** Integers of every length, and the places where their text gets longer. */
function bits(bytes: number): fc.Arbitrary<bigint> {
  const max = (1n << BigInt(bytes * 8)) - 1n;
  const edge = fc
    .tuple(fc.nat(19), fc.integer({ min: -1, max: 1 }))
    .map(([power, off]) => BigInt.asUintN(bytes * 8, 10n ** BigInt(power) + BigInt(off)));
  return fc.oneof(
    fc.bigInt(0n, max),
    fc.bigInt(0n, 0xffn),
    edge,
    fc.constantFrom(0n, max, max >> 1n, (max >> 1n) + 1n),
  );
}

const frame = fc.oneof(
  { weight: 8, arbitrary: fc.bigInt(0xffff_ffff_8100_0000n, 0xffff_ffff_8100_0400n) },
  bits(8),
);

/** A file of three, an address alone, or the end; and what no kernel writes. */
const userFrame = fc
  .tuple(
    fc.oneof({ weight: 20, arbitrary: fc.constantFrom(1, 1, 1, 2) }, fc.constantFrom(0, 7)),
    fc.oneof(
      fc.constantFrom(1, 2, 3).map((id) => Buffer.alloc(20, id)),
      fc.uint8Array({ minLength: 20, maxLength: 20 }).map((id) => Buffer.from(id)),
    ),
    fc.oneof(fc.bigInt(0n, 0x400n), bits(8)),
  )
  .map(([status, buildId, offset]) =>
    Buffer.concat([littleEndian(BigInt(status), 4), buildId, littleEndian(offset, 8)]),
  );

/** Well-formed and broken UTF-8, what JSON must escape, NULs, and plain text longer than a vector. */
const token = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.string({ unit: 'grapheme-ascii', maxLength: 24 }).map((text) => Buffer.from(text)),
  },
  fc.string({ unit: 'binary', maxLength: 3 }).map((text) => Buffer.from(text)),
  fc.uint8Array({ maxLength: 4 }).map((bytes) => Buffer.from(bytes)),
  fc
    .constantFrom(
      '00',
      '22',
      '5c',
      '07',
      '0a',
      '1f',
      '7f',
      'c3',
      'e282',
      'eda080',
      'f09f92',
      'f4908080',
      'c080',
      'e08080',
      'efbbbf',
    )
    .map((hex) => Buffer.from(hex, 'hex')),
);

function textBytes(length: number): fc.Arbitrary<Uint8Array> {
  return fc.array(token, { maxLength: 12 }).map((tokens) => {
    const bytes = new Uint8Array(length);
    bytes.set(Buffer.concat(tokens).subarray(0, length));
    return bytes;
  });
}

const group = fc.constantFrom(0, 0, 0, 1, 0x20, 0xffff, 0x0db8, 0x2001);
const ipBytes: fc.Arbitrary<Uint8Array> = fc.oneof(
  fc
    .uint8Array({ minLength: 4, maxLength: 4 })
    .map((v4) => Buffer.concat([Buffer.from(`${'00'.repeat(10)}ffff`, 'hex'), v4])),
  fc.array(group, { minLength: 8, maxLength: 8 }).map((groups) => {
    const bytes = Buffer.alloc(16);
    groups.forEach((value, i) => {
      bytes.writeUInt16BE(value, i * 2);
    });
    return bytes;
  }),
  fc.uint8Array({ minLength: 16, maxLength: 16 }),
);

function repeated(element: fc.Arbitrary<bigint>, length: number, bytes: number): fc.Arbitrary<Uint8Array> {
  return fc
    .array(element, { minLength: length, maxLength: length })
    .map((values) => Buffer.concat(values.map((value) => littleEndian(value, bytes))));
}

function littleEndian(value: bigint, bytes: number): Uint8Array {
  return new Uint8Array(BigUint64Array.of(value).buffer).subarray(0, bytes);
}
