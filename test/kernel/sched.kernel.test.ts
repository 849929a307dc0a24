import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { afterEach, describe, test } from 'node:test';
import { threadId } from '../../src/actor/thread.ts';
import { affinity, nice, setAffinity, setNice } from '../../src/kernel/sched.ts';
import { skipWithoutRoot } from '../support/kernel.ts';

/** A thread id that no kernel gives out (PID_MAX_LIMIT is 2^22). */
const NO_THREAD = (1 << 22) + 1;

describe('the schedule of one thread', { skip: skipWithoutRoot() }, () => {
  const tid = threadId();
  const all = affinity(tid);
  const own = nice(tid);
  afterEach(() => {
    setAffinity(tid, all);
    setNice(tid, own);
  });

  /** What the kernel itself says. */
  function allowed(): string | undefined {
    return /^Cpus_allowed_list:\s*(.*)$/m.exec(readFileSync(`/proc/self/task/${tid}/status`, 'utf8'))?.[1];
  }

  test('is confined to the CPUs it is given', () => {
    const last = all.at(-1) ?? 0;
    setAffinity(tid, [last]);
    assert.deepEqual(affinity(tid), [last]);
    assert.equal(allowed(), String(last));
  });

  test('names the CPU that does not exist and keeps to the others', () => {
    const [first = 0] = all;
    assert.throws(() => setAffinity(tid, [first, 4095]), {
      code: 'SYSCALL_FAILED',
      message: /found CPU 4095 does not exist;/,
    });
    assert.deepEqual(affinity(tid), [first]);
  });

  test('names every CPU when none exists, beyond any mask too, and stays as it was', () => {
    assert.throws(() => setAffinity(tid, [4095, 1_000_000]), {
      message: /CPU 4095 does not exist, CPU 1000000 does not exist/,
    });
    assert.deepEqual(affinity(tid), all);
  });

  test('takes a nice value without changing that of other threads', () => {
    const others = readdirSync('/proc/self/task')
      .map(Number)
      .filter((other) => other !== tid);
    const before = others.map(nice);
    setNice(tid, 7);
    assert.equal(nice(tid), 7);
    // -1 is also how a system call says that it failed.
    setNice(tid, -1);
    assert.equal(nice(tid), -1);
    assert.deepEqual(others.map(nice), before);
  });

  test('cannot be set for a thread that is gone', () => {
    for (const call of [
      () => setAffinity(NO_THREAD, [0]),
      () => setNice(NO_THREAD, 1),
      () => affinity(NO_THREAD),
      () => nice(NO_THREAD),
    ]) {
      assert.throws(call, { code: 'SYSCALL_FAILED', message: /ESRCH/ });
    }
  });
});
