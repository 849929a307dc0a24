import assert from 'node:assert/strict';
import { test } from 'node:test';
import { editDistance, nearest } from '../src/suggest.ts';

test('edits are counted, swapped neighbours as one', () => {
  assert.equal(editDistance('level', 'level'), 0);
  assert.equal(editDistance('levle', 'level'), 1);
  assert.equal(editDistance('kitten', 'sitting'), 3);
  assert.equal(editDistance('', 'abc'), 3);
});

test('the nearest word is suggested, whatever its case', () => {
  assert.equal(nearest('segment_sise', ['segments', 'segment_size']), 'segment_size');
  assert.equal(nearest('OOM', ['softirq', 'oom']), 'oom');
});

test('nothing is suggested when no word is near', () => {
  assert.equal(nearest('zebra', ['oom', 'softirq']), undefined);
  assert.equal(nearest('x'.repeat(100_000), ['x'.repeat(99_999)]), undefined);
});
