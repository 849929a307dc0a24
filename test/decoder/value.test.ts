import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { encodeValue } from '../../src/decoder/encode-value.ts';
import { decodeValue, foldValues } from '../../src/decoder/value.ts';
import type { FieldFormat, FieldLayout } from '../../src/schema/manifest.ts';
import { mapFieldType } from '../../src/schema/semantics.ts';
import { leafFields, recordOf } from '../support/decoder-arbitraries.ts';
import { layoutOf } from '../support/decoder-layouts.ts';
import { referenceEntry } from '../support/reference-entry.ts';

function field(format: FieldFormat, bytes: number, more: Partial<FieldLayout> = {}): FieldLayout {
  return { name: 'x', json: 'x', format, offset: 0, bytes, doc: '', ...more };
}

/** Decodes one field whose bytes are these, behind four bytes that are not its own. */
function decode(bytes: readonly number[], layout: FieldLayout): unknown {
  const view = new DataView(Uint8Array.from([9, 9, 9, 9, ...bytes]).buffer);
  return (decodeValue(view, 4, [layout]) as { x?: unknown }).x;
}

const FF = (count: number): number[] => Array.from({ length: count }, () => 0xff);

const CASES: readonly (readonly [what: string, bytes: readonly number[], FieldLayout, unknown])[] = [
  ['one byte', [200], field('count', 1), 200],
  ['two bytes', [1, 2], field('id', 2), 0x201],
  ['four bytes', FF(4), field('id', 4), 2 ** 32 - 1],
  ['eight bytes', [1, 0, 0, 0, 1, 0, 0, 0], field('dur_ns', 8), 2 ** 32 + 1],
  ['eight bytes beyond 2^53, rounded', FF(8), field('count', 8), 2 ** 64],
  ['a negative byte', [0xfe], field('signed', 1), -2],
  ['a negative short', [0xfe, 0xff], field('signed', 2), -2],
  ['a negative int', [0xfe, 0xff, 0xff, 0xff], field('signed', 4), -2],
  ['a negative long', [0xfe, ...FF(7)], field('signed', 8), -2],
  ['an id that must be exact', FF(8), field('cgroup_id', 8), 2n ** 64n - 1n],
  ['flags', [1, 0, 0, 0, 0, 0, 0, 0x80], field('hex', 8), '0x8000000000000001'],
  ['a time of the boot clock', FF(8), field('ktime_ns', 8), 2n ** 64n - 1n],
  ['an IPv4 address', [...Array(10).fill(0), 0xff, 0xff, 10, 0, 0, 7], field('ip_addr', 16), '10.0.0.7'],
  ['an IPv6 address', [0x20, 1, ...Array(13).fill(0), 1], field('ip_addr', 16), '2001::1'],
  [
    'a stack up to its first empty slot',
    [0xef, 0xbe, 0, 0, 0, 0, 0, 0xff, ...Array(8).fill(0), ...FF(8)],
    field('kstack', 24, { length: 3 }),
    ['0xff0000000000beef'],
  ],
  [
    'an enumerator of eight bytes',
    [0, 0, 0, 0, 0, 0, 0, 0x80],
    field('enum', 8, { enumerators: { '9223372036854775808': 'TOP' } }),
    'TOP',
  ],
  ['true', [1], field('bool', 1), true],
  ['false', [0], field('bool', 1), false],
  ['a known enumerator', [3, 0, 0, 0], field('enum', 4, { enumerators: { 3: 'NET_RX' } }), 'NET_RX'],
  ['an unknown enumerator', [7, 0, 0, 0], field('enum', 4, { enumerators: { 3: 'NET_RX' } }), 7],
  ['text up to its NUL', [0x61, 0x62, 0, 0x63], field('text', 4), 'ab'],
  ['text without NUL', [0x61, 0x62, 0x63, 0x64], field('comm', 4), 'abcd'],
  ['text that is not UTF-8', [0x61, 0xff, 0, 0], field('comm', 4), 'a\ufffd'],
  ['an array', [1, 0, 0, 0, 2, 0, 0, 0], field('count', 8, { length: 2 }), [1, 2]],
  ['padding, which is not shown', [1, 2, 3, 4], field('pad', 4), undefined],
];

for (const [what, bytes, layout, expected] of CASES) {
  test(`decodes ${what}`, () => assert.deepEqual(decode(bytes, layout), expected));
}

test('a struct nests, its fields under their JSON names', () => {
  const inner = field('struct', 8, {
    offset: 4,
    fields: [field('id', 4, { json: 'inner' }), field('pad', 4, { name: 'pad', offset: 4 })],
  });
  const bytes = new DataView(Uint8Array.from([1, 0, 0, 0, 2, 0, 0, 0, 9, 9, 9, 9]).buffer);
  assert.deepEqual(decodeValue(bytes, 0, [field('id', 4, { json: 'outer' }), inner]), {
    outer: 1,
    x: { inner: 2 },
  });
});

const viewOf = (bytes: Uint8Array): DataView =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

test('values of CPUs: quantities add, identities are those of the first CPU that has any', () => {
  const layout = layoutOf([
    { name: 'total_ns', format: 'dur_ns', bytes: 8 },
    { name: 'zones', format: 'count', bytes: 4, length: 2 },
    { name: 'pid', format: 'id', bytes: 4 },
    { name: 'comm', format: 'comm', bytes: 16 },
    {
      name: 'inner',
      format: 'struct',
      bytes: 0,
      fields: [
        { name: 'owner', format: 'cgroup_id', bytes: 8 },
        { name: 'balance', format: 'signed', bytes: 8 },
      ],
    },
  ]);
  const cpu = (pid: number, comm: string, owner: bigint): DataView =>
    viewOf(
      encodeValue(
        { total_ns: 5, zones: [1, 2], pid, comm, inner: { owner, balance: -3 } },
        layout.fields,
        layout.bytes,
      ),
    );
  const folded = foldValues([cpu(0, '', 0n), cpu(100, 'a', 7n), cpu(100, 'b', 7n)], layout.fields);
  assert.deepEqual(folded, {
    total_ns: 15,
    zones: [3, 6],
    pid: 100,
    comm: 'a',
    inner: { owner: 7n, balance: -9 },
  });
});

const entries = leafFields.chain((specs) => {
  const layout = layoutOf(specs);
  return recordOf(layout.fields, layout.bytes).map((bytes) => ({ layout, bytes }));
});

for (const side of ['key', 'value'] as const) {
  test(`a ${side} of any layout is what its generated type says`, () => {
    fc.assert(
      fc.property(entries, ({ layout, bytes }) => {
        const decoded = decodeValue(viewOf(bytes), 0, layout.fields, side);
        assert.deepEqual(decoded, referenceEntry(layout.fields, bytes, side));
        checkTypes(decoded, layout.fields, side);
      }),
    );
  });
}

/** Holds each value against the TypeScript type that is generated for its field. */
function checkTypes(value: unknown, fields: readonly FieldLayout[], side: 'key' | 'value'): void {
  for (const one of fields.filter(({ format }) => format !== 'pad')) {
    const found = (value as Record<string, unknown>)[one.json];
    if (one.format === 'struct') checkTypes(found, one.fields ?? [], side);
    else if (one.format === 'enum') assert.ok(typeof found !== 'object');
    else {
      const type = mapFieldType(one, side);
      assert.equal(Array.isArray(found), type.endsWith('[]'));
      for (const element of Array.isArray(found) ? found : [found])
        assert.ok(
          type
            .replace('[]', '')
            .split(' | ')
            .includes(typeof element),
          `${typeof element}, not ${type}`,
        );
    }
  }
}

test('what was decoded as a key is the same entry again', () => {
  // Text and stacks end at their first zero, so what lies behind it cannot come back; a bool is 0 or 1.
  const meant = (fields: readonly FieldLayout[], bytes: Uint8Array): unknown =>
    decodeValue(viewOf(bytes), 0, fields, 'key');
  fc.assert(
    fc.property(entries, ({ layout, bytes }) => {
      const key = meant(layout.fields, bytes);
      fc.pre(!JSON.stringify(key, (_, part) => (typeof part === 'bigint' ? '' : part)).includes('\ufffd'));
      const encoded = encodeValue(key, layout.fields, layout.bytes);
      assert.equal(encoded.byteLength, layout.bytes);
      assert.deepEqual(meant(layout.fields, encoded), key);
    }),
  );
});

const REFUSED: readonly (readonly [what: string, value: unknown, FieldLayout])[] = [
  ['a number too large', 2 ** 32, field('id', 4)],
  ['a negative count', -1, field('count', 8)],
  ['a fraction', 1.5, field('dur_ns', 8)],
  ['text too long', 'abcde', field('text', 4)],
  ['text with a NUL', 'a\0b', field('text', 4)],
  ['no address', '10.0.0', field('ip_addr', 16)],
  ['an unknown name', 'NOPE', field('enum', 4, { enumerators: { 3: 'NET_RX' } })],
  ['an array too short', [1], field('count', 16, { length: 2 })],
  ['nothing', undefined, field('id', 4)],
];
for (const [what, value, layout] of REFUSED) {
  test(`refuses to encode ${what}, naming the field`, () => {
    assert.throws(() => encodeValue({ x: value }, [layout], layout.bytes), {
      code: 'COLLECTOR_INVALID',
      message: /for x/,
    });
  });
}

test('a scalar of any width comes back as it was encoded', () => {
  const scalar = fc.constantFrom(1, 2, 4, 8).chain((bytes) =>
    fc.record({
      bytes: fc.constant(bytes),
      format: fc.constantFrom<FieldFormat>('signed', 'id'),
      bits: fc.bigInt(0n, 2n ** BigInt(bytes * 8) - 1n),
    }),
  );
  fc.assert(
    fc.property(scalar, ({ bytes, format, bits }) => {
      const exact = format === 'signed' ? BigInt.asIntN(bytes * 8, bits) : bits;
      const key = bytes === 8 ? exact : Number(exact);
      const layout = field(format, bytes, { name: '', json: '' });
      const encoded = encodeValue(key, [layout], bytes);
      assert.equal(encoded.byteLength, bytes);
      assert.equal(decodeValue(viewOf(encoded), 0, [layout], 'key'), key);
    }),
  );
});
