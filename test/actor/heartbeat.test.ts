/** Questions and answers between two ends of the same memory, one of them in a thread where it matters. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { answerHeartbeat, Heartbeat } from '../../src/actor/heartbeat.ts';
import { ActorStats } from '../../src/actor/stats.ts';
import { eventually } from '../support/eventually.ts';

const EVERY_MS = 100;

test('a loop that turns answers each question, and a question is asked only when it is due', async () => {
  const stats = ActorStats.allocate();
  const heartbeat = new Heartbeat(stats);
  answerHeartbeat(stats);
  assert.equal(heartbeat.listen(0, EVERY_MS), 0);
  // This thread has not turned its loop since.
  assert.equal(heartbeat.listen(70, EVERY_MS), 70);
  await eventually('the answer', () => heartbeat.silence(70) === 0);
  assert.equal(heartbeat.listen(99, EVERY_MS), 0);
  assert.equal(heartbeat.silence(1e9), 0, 'nothing was asked since');
  heartbeat.listen(100, EVERY_MS);
  assert.equal(heartbeat.silence(101), 1);
  await eventually('the next answer', () => heartbeat.silence(101) === 0);
});

test('silence counts from the first question that was not answered', () => {
  const heartbeat = new Heartbeat(ActorStats.allocate());
  for (const [now_ms, silent_ms] of [
    [1000, 0],
    [1100, 100],
    [5000, 4000],
  ] as const)
    assert.equal(heartbeat.listen(now_ms, EVERY_MS), silent_ms);
});

test('a new run is asked anew, and answers what its predecessor left open', () => {
  const stats = ActorStats.allocate();
  const heartbeat = new Heartbeat(stats);
  heartbeat.listen(0, EVERY_MS);
  heartbeat.begin();
  assert.equal(heartbeat.silence(5000), 0);
  heartbeat.listen(5000, EVERY_MS);
  assert.equal(heartbeat.listen(5001, EVERY_MS), 1);
  answerHeartbeat(stats);
  assert.equal(heartbeat.silence(5002), 0);
});

test('an answer is held back until what holds it is over', async () => {
  const stats = ActorStats.allocate();
  const heartbeat = new Heartbeat(stats);
  let isHeld = true;
  const answer = answerHeartbeat(stats, () => isHeld);
  heartbeat.listen(0, EVERY_MS);
  answer(1);
  assert.equal(heartbeat.silence(10), 10);
  isHeld = false;
  answer(0);
  assert.equal(heartbeat.silence(10), 0);
});

test('a thread that sleeps is asked only while work is under way that must end, also when it left that to its successor', () => {
  const stats = ActorStats.allocate();
  const heartbeat = new Heartbeat(stats);
  const answer = answerHeartbeat(stats);
  assert.equal(heartbeat.listen(0, EVERY_MS, true), 0);
  assert.equal(heartbeat.silence(1000), 0, 'it was not asked');
  answer(1);
  heartbeat.listen(1000, EVERY_MS, true);
  assert.equal(heartbeat.silence(1010), 10);
  answerHeartbeat(stats);
  heartbeat.listen(2000, EVERY_MS, true);
  assert.equal(heartbeat.silence(2010), 0);
});

test('questions go on past the end of their integer', async () => {
  const stats = ActorStats.allocate();
  new Int32Array(stats).fill(2 ** 31 - 1, 0, 2);
  const heartbeat = new Heartbeat(stats);
  answerHeartbeat(stats);
  heartbeat.listen(0, EVERY_MS);
  assert.equal(heartbeat.silence(1), 1);
  await eventually('the answer', () => heartbeat.silence(1) === 0);
});
