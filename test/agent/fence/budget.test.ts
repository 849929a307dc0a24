import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { CpuBudget, type Throttle } from '../../../src/agent/fence/budget.ts';

const SECOND_NS = 1_000_000_000n;

/** A thread whose use of CPU is told second by second. */
class Thread {
  readonly budget: CpuBudget;
  #cpu_us = 0;
  #now_ns = 0n;

  constructor(quota_cores: number | undefined) {
    this.budget = new CpuBudget(quota_cores);
    this.budget.feed(0, 0n);
  }

  /** Runs for some seconds at this many cores. @returns what was decided at the end of each */
  run(cores: number, seconds: number, maySample = true): Throttle[] {
    return Array.from({ length: seconds }, () => {
      this.#cpu_us += cores * 1_000_000;
      this.#now_ns += SECOND_NS;
      return this.budget.feed(this.#cpu_us, this.#now_ns, maySample);
    });
  }

  restart(): void {
    this.#cpu_us = 0;
  }
}

const levels = (throttles: readonly Throttle[]): number[] => throttles.map(({ level }) => level);

describe('the CPU budget', () => {
  test('leaves a thread within nine tenths of its quota alone', () => {
    const thread = new Thread(0.5);
    assert.deepEqual(thread.run(0.45, 3), Array(3).fill({ level: 0, rest_ms: 0, sample_every: 1 }));
    assert.equal(thread.budget.throttled_ns, 0n);
  });

  test('steps in before a thread uses up a quota that the kernel keeps', () => {
    assert.deepEqual(levels(new Thread(0.5).run(0.5, 2)), [1, 2]);
  });

  test('leaves a thread without quota alone, whatever it uses', () => {
    assert.deepEqual(levels(new Thread(undefined).run(1, 3)), [0, 0, 0]);
  });

  test('lets a thread rest longer first, then samples, and ends at one of 1024', () => {
    const throttles = new Thread(0.1).run(0.2, 16);
    assert.deepEqual(levels(throttles), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 14, 14]);
    assert.deepEqual(
      throttles.slice(0, 6).map(({ rest_ms, sample_every }) => [rest_ms, sample_every]),
      [
        [5, 1],
        [20, 1],
        [100, 1],
        [250, 1],
        [250, 2],
        [250, 4],
      ],
    );
    assert.equal(throttles.at(-1)?.sample_every, 1024);
  });

  test('lets a thread rest and no more where sampling saves nothing', () => {
    const thread = new Thread(0.1);
    assert.deepEqual(levels(thread.run(0.2, 6, false)), [1, 2, 3, 4, 4, 4]);
    assert.deepEqual(levels(thread.run(0.2, 2)), [5, 6]);
    assert.deepEqual(levels(thread.run(0.2, 2, false)), [6, 6]);
  });

  test('does not count what is used while it is told to skip', () => {
    const { budget } = new Thread(0.1);
    budget.skip();
    assert.equal(budget.feed(5_000_000, SECOND_NS).level, 0);
    assert.equal(budget.feed(5_050_000, 2n * SECOND_NS).level, 0);
  });

  test('holds between seven and nine tenths of the quota', () => {
    const thread = new Thread(0.1);
    thread.run(0.2, 3);
    assert.deepEqual(levels(thread.run(0.08, 20)), Array(20).fill(3));
  });

  test('gives back one step for each three calm seconds', () => {
    const thread = new Thread(0.1);
    thread.run(0.2, 2);
    assert.deepEqual(levels(thread.run(0.05, 7)), [2, 2, 1, 1, 1, 0, 0]);
  });

  test('counts calm seconds in a row only', () => {
    const thread = new Thread(0.1);
    thread.run(0.2, 1);
    thread.run(0.05, 2);
    thread.run(0.08, 1);
    assert.deepEqual(levels(thread.run(0.05, 3)), [1, 1, 0]);
  });

  test('counts the time it throttled', () => {
    const thread = new Thread(0.1);
    thread.run(0.2, 1);
    thread.run(0.05, 10);
    assert.equal(thread.budget.throttled_ns, 3n * SECOND_NS);
  });

  test('measures a new thread from its own zero', () => {
    const thread = new Thread(0.5);
    thread.run(0.4, 10);
    thread.restart();
    assert.deepEqual(levels(thread.run(0.6, 1)), [1]);
  });

  test('does nothing about two readings of one moment', () => {
    const budget = new CpuBudget(0.1);
    budget.feed(0, 5n);
    assert.equal(budget.feed(1_000_000, 5n).level, 0);
  });
});
