import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { PageBytes } from '../../../src/storage/prometheus/page-bytes.ts';

test('bytes are those of all texts and numbers in their order, however many and whatever was expected', () => {
  const texts = fc.array(fc.tuple(fc.string({ unit: 'binary' }), fc.oneof(fc.double(), fc.string())), {
    maxLength: 2000,
    size: 'max',
  });
  fc.assert(
    fc.property(texts, fc.nat({ max: 1 << 16 }), (pairs, expected_bytes) => {
      const page = new PageBytes(expected_bytes);
      for (const [text, value] of pairs) page.add(text, value);
      assert.ok(page.end().equals(Buffer.from(pairs.flat().join(''))));
    }),
    { numRuns: 200 },
  );
});
