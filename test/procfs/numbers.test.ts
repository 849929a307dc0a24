import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { decimals, hexadecimal, words } from '../../src/procfs/numbers.ts';

test('numbers come back as they were written, whatever the space between them', () => {
  const space = fc.constantFrom(' ', '   ', '\t', ' \n');
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.maxSafeNat(), space)), fc.string(), (written, before) => {
      const row = written.map(([number, gap]) => `${gap}${number}`).join('');
      const text = `${before}${row}`;
      const expected = written.map(([number]) => number);
      assert.deepEqual(decimals(text, before.length, text.length), expected);
    }),
  );
});

test('anything but digits and space is no row of numbers', () => {
  for (const text of ['-1', '1,2', '0x1f', '1 two', '١'])
    assert.equal(decimals(text, 0, text.length), undefined, text);
  assert.deepEqual(decimals('eth0: 18446744073709551615', 5, 26), [2 ** 64]);
});

test('words and hexadecimal numbers', () => {
  assert.deepEqual(words('  a   b '), ['a', 'b']);
  assert.equal(hexadecimal('0000001f'), 31);
  for (const text of [undefined, '', '1g', '-1', '0'.repeat(17)]) assert.equal(hexadecimal(text), undefined);
});
