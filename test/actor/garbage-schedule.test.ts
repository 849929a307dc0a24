import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GarbageSchedule } from '../../src/actor/garbage-schedule.ts';

const TICK_MS = 5000;

/** @returns the ticks, in seconds, at which it was due */
function dueTimes(
  schedule: GarbageSchedule,
  until_s: number,
  activeAt: (seconds: number) => number,
): number[] {
  const due: number[] = [];
  for (let now_ms = TICK_MS; now_ms <= until_s * 1000; now_ms += TICK_MS)
    if (schedule.isDue(now_ms, activeAt(now_ms / 1000))) due.push(now_ms / 1000);
  return due;
}

test('a quiet thread collects twice after its start, then every five minutes or so', () => {
  const schedule = new GarbageSchedule();
  schedule.begin(0);
  assert.deepEqual(
    dueTimes(schedule, 1000, () => 0),
    [10, 35, 335, 635, 935],
  );
});

test('a busy thread is left alone until it is quiet', () => {
  const schedule = new GarbageSchedule();
  schedule.begin(0);
  const busyFor60s = (seconds: number): number => Math.min(seconds, 60) * 500;
  assert.deepEqual(dueTimes(schedule, 120, busyFor60s), [65, 70]);
});

test('a thread whose turn it is not collects as soon as it is', () => {
  const schedule = new GarbageSchedule();
  schedule.begin(0);
  assert.equal(schedule.isDue(6000, 0, false), false);
  assert.equal(schedule.isDue(8000, 0), true);
  assert.equal(schedule.isDue(10_000, 0), false);
});

test('a new run begins anew', () => {
  const schedule = new GarbageSchedule();
  schedule.begin(0);
  assert.equal(schedule.isDue(6000, 0), true);
  schedule.begin(7000);
  assert.equal(schedule.isDue(12_000, 0), false);
  assert.equal(schedule.isDue(13_000, 0), true);
});
