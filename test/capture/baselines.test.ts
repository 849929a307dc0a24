import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Baselines } from '../../src/capture/baselines.ts';
import type { Baseline } from '../../src/capture/processes.ts';

const SECOND_NS = 1_000_000_000n;
const take = (boottime_ns: bigint): Baseline => ({
  boottime_ns,
  processes: new Float64Array(),
  truncated: false,
});
const agesOfOlder = (baselines: Baselines, until_s: bigint): number[] => {
  const ages: number[] = [];
  for (let now_s = 0n; now_s <= until_s; now_s += 10n) {
    baselines.refresh(now_s * SECOND_NS);
    ages.push(Number(now_s - (baselines.kept[0]?.boottime_ns ?? 0n) / SECOND_NS));
  }
  return ages;
};

test('once there are two, the older one is between half a window and a whole one old', () => {
  const ages = agesOfOlder(new Baselines(600, take, undefined), 3600n).slice(30);
  assert.deepEqual([Math.min(...ages), Math.max(...ages)], [300, 590]);
});

test('short windows do not make the host be read more than once in a minute', () => {
  const taken: bigint[] = [];
  const count = (now_ns: bigint): Baseline => {
    taken.push(now_ns / SECOND_NS);
    return take(now_ns);
  };
  agesOfOlder(new Baselines(4, count, undefined), 180n);
  assert.deepEqual(taken, [0n, 60n, 120n, 180n]);
});

test('goes on with those of a former run', () => {
  const former = new Baselines(600, take, undefined);
  former.refresh(0n);
  const next = new Baselines(600, take, structuredClone(former.kept));
  next.refresh(200n * SECOND_NS);
  assert.equal(next.kept.length, 1);
  next.refresh(300n * SECOND_NS);
  assert.deepEqual([next.kept.length, next.kept[0]?.boottime_ns], [2, 0n]);
});
