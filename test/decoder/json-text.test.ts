import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { jsonText, parseExactly } from '../../src/decoder/json-text.ts';

test('integers of 64 bits pass through exactly, as numbers where those are exact', () => {
  assert.deepEqual(parseExactly('{"a":9007199254740993,"b":-9223372036854775808,"c":9007199254740991}'), {
    a: 9007199254740993n,
    b: -9223372036854775808n,
    c: 9007199254740991,
  });
  const integers = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n });
  fc.assert(
    fc.property(fc.array(integers), (values) => {
      const text = `{"v":[${values.join(',')}]}`;
      assert.equal(jsonText(parseExactly(text)), text);
    }),
  );
});

test('any well-formed payload survives being parsed and printed', () => {
  fc.assert(
    fc.property(fc.json({ stringUnit: 'grapheme' }), (text) => {
      assert.equal(jsonText(parseExactly(text)), JSON.stringify(JSON.parse(text)));
    }),
  );
});

/** UTF-16 units of any kind, so that halves of pairs come in all places. */
const ANY_TEXT = fc
  .array(
    fc.oneof(
      fc.integer({ min: 0, max: 0xffff }),
      fc.integer({ min: 0xd800, max: 0xdfff }),
      fc.constantFrom(0x5c, 0x75, 0x64),
    ),
  )
  .map((units) => String.fromCharCode(...units));

test('text and keys are what they were, but for U+FFFD where half of a pair stood', () => {
  fc.assert(
    fc.property(fc.dictionary(ANY_TEXT, ANY_TEXT), ANY_TEXT, (members, text) => {
      const printed = jsonText({ members: [members], text }) ?? assert.fail();
      // An escape that names no character is the only way in which JSON text can say what is not well-formed.
      const found = JSON.parse(printed) as { members: [object]; text: string };
      const strings = [found.text, ...Object.entries(found.members[0]).flat()] as string[];
      assert.deepEqual(
        strings.filter((each) => !each.isWellFormed()),
        [],
      );
      assert.equal(found.text, text.toWellFormed());
      assert.deepEqual(
        new Set(Object.keys(found.members[0])),
        new Set(Object.keys(members).map((key) => key.toWellFormed())),
      );
    }),
  );
});

test('numbers that JSON does not have are null', () => {
  assert.equal(
    jsonText([Number.NaN, Number.POSITIVE_INFINITY, -0, 1e308, 2n ** 70n]),
    `[null,null,0,1e+308,${2n ** 70n}]`,
  );
});
