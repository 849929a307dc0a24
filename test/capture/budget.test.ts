import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Exhausted, HourlyBudget, type HourlyLimits } from '../../src/capture/budget.ts';

const MINUTE_NS = 60_000_000_000n;
const limits = (changes: Partial<HourlyLimits>): HourlyLimits => ({
  captures: 100,
  cpu_seconds: 100,
  ...changes,
});
const takeAt = (budget: HourlyBudget, minute: bigint): Exhausted | undefined =>
  budget.take(minute * MINUTE_NS);

test('as many starts as allowed within any hour', () => {
  const budget = new HourlyBudget(limits({ captures: 2 }));
  const minutes = [0n, 30n, 31n, 59n, 60n, 89n, 90n];
  assert.deepEqual(
    minutes.map((minute) => takeAt(budget, minute)),
    [undefined, undefined, 'budget', 'budget', undefined, 'budget', undefined],
  );
});

test('none at all', () => {
  assert.equal(new HourlyBudget(limits({ captures: 0 }), { starts: [1n, 2n], cpu: [] }).take(3n), 'budget');
  assert.equal(new HourlyBudget(limits({ cpu_seconds: 0 })).take(3n), 'cpu_budget');
});

test('as much CPU time as allowed within any hour, by the minute', () => {
  const budget = new HourlyBudget(limits({ cpu_seconds: 10 }));
  for (const [minute, cpu_seconds] of [
    [0n, 4],
    [0n, 3],
    [20n, 2.5],
  ] as const)
    budget.spend(minute * MINUTE_NS, cpu_seconds);
  assert.equal(takeAt(budget, 21n), undefined);
  budget.spend(22n * MINUTE_NS, 1);
  assert.equal(takeAt(budget, 22n), 'cpu_budget');
  assert.equal(takeAt(budget, 59n), 'cpu_budget');
  assert.equal(takeAt(budget, 60n), undefined);
});

test('goes on with what a former one has spent, also when less is allowed now', () => {
  const former = new HourlyBudget(limits({ captures: 3 }));
  for (const minute of [0n, 10n, 20n]) takeAt(former, minute);
  former.spend(30n * MINUTE_NS, 5);
  const budget = new HourlyBudget(limits({ captures: 2 }), structuredClone(former.spent));
  assert.equal(takeAt(budget, 65n), 'budget');
  assert.equal(takeAt(budget, 70n), undefined);
  assert.equal(takeAt(new HourlyBudget(limits({ cpu_seconds: 5 }), former.spent), 80n), 'cpu_budget');
});

test('what it keeps does not grow', () => {
  const budget = new HourlyBudget(limits({}));
  for (let second = 0n; second < 3n * 3600n; second++) budget.spend(second * 1_000_000_000n, 0.001);
  assert.equal(budget.spent.cpu.length, 60);
});
