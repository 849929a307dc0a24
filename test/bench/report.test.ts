import assert from 'node:assert/strict';
import { test } from 'node:test';
import { atLeast, atMost, median, renderTable } from './report.ts';

test('the median of an odd and of an even number of values', () => {
  assert.equal(median([9, 1, 5]), 5);
  assert.equal(median([4, 1, 9, 2]), 3);
  assert.ok(Number.isNaN(median([])));
});

test('a ratio above 1 is better than the goal, whichever way the goal points', () => {
  assert.deepEqual(atLeast(8, 4), { ratio: 2, verdict: 'met' });
  assert.deepEqual(atLeast(2, 4), { ratio: 0.5, verdict: 'missed' });
  assert.deepEqual(atMost(2, 4), { ratio: 2, verdict: 'met' });
  assert.deepEqual(atMost(8, 4), { ratio: 0.5, verdict: 'missed' });
  assert.deepEqual(atMost(-1, 4), { ratio: Number.POSITIVE_INFINITY, verdict: 'met' });
});

test('columns of the table are as wide as their widest cell', () => {
  const table = renderTable([
    { name: 'a', measured: 'ten', goal: '≥ 2', ratio: 5, verdict: 'met' },
    { name: 'longer', measured: '', verdict: 'skipped' },
  ]);
  assert.deepEqual(table.split('\n').slice(2), [
    'a       ten       ≥ 2   5.00   met',
    'longer                         skipped',
  ]);
});
