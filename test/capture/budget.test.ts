import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HourlyBudget } from '../../src/capture/budget.ts';

const MINUTE_NS = 60_000_000_000n;

test('as many starts as allowed within any hour', () => {
  const budget = new HourlyBudget(2);
  const minutes = [0n, 30n, 31n, 59n, 60n, 89n, 90n];
  assert.deepEqual(
    minutes.map((minute) => budget.take(minute * MINUTE_NS)),
    [true, true, false, false, true, false, true],
  );
});

test('none at all', () => {
  assert.equal(new HourlyBudget(0, [1n, 2n]).take(3n), false);
});

test('goes on with the starts of a former one, also when less is allowed now', () => {
  const former = new HourlyBudget(3);
  for (const minute of [0n, 10n, 20n]) former.take(minute * MINUTE_NS);
  const budget = new HourlyBudget(2, former.starts);
  assert.equal(budget.take(65n * MINUTE_NS), false);
  assert.equal(budget.take(70n * MINUTE_NS), true);
});
