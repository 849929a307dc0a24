import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { addValue, decodeValue, encodeScalar } from '../../src/decoder/value.ts';
import type { FieldFormat, FieldLayout } from '../../src/schema/manifest.ts';

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
  ['flags', [1, 0, 0, 0, 0, 0, 0, 0x80], field('hex', 8), 2n ** 63n + 1n],
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

test('values of CPUs add number by number; what is no quantity stays', () => {
  const one = { zones: [1, 2], sum: 3, id: 5n, name: 'a', inner: { n: 1 } };
  const two = { zones: [10, 20], sum: 30, id: 6n, name: 'b', inner: { n: 2 } };
  assert.deepEqual(addValue(one, two), { zones: [11, 22], sum: 33, id: 5n, name: 'a', inner: { n: 3 } });
});

test('a scalar of any width comes back as it was encoded', () => {
  const scalar = fc.constantFrom(1, 2, 4, 8).chain((bytes) =>
    fc.record({
      bytes: fc.constant(bytes),
      format: fc.constantFrom<FieldFormat>('signed', 'id'),
      bits: fc.bigInt(0n, 2n ** BigInt(Math.min(bytes * 8, 53)) - 1n),
    }),
  );
  fc.assert(
    fc.property(scalar, ({ bytes, format, bits }) => {
      const wraps = format === 'signed' ? BigInt.asIntN(bytes * 8, bits) : bits;
      const encoded = encodeScalar(Number(wraps), bytes);
      assert.equal(encoded.byteLength, bytes);
      const layout = field(format, bytes, { name: '', json: '' });
      assert.equal(decodeValue(new DataView(Uint8Array.from(encoded).buffer), 0, [layout]), Number(wraps));
    }),
  );
});
