/** When the agent looks for hung tasks, and when it leaves that to the kernel. */
import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { hungTaskTimeout, lookWhereKernelDoesNot } from '../../../src/collectors/events/hung-task-looks.ts';
import type { BpfObject } from '../../../src/sdk/index.ts';
import { FixtureProc } from '../../support/fixture-proc.ts';
import { TestClock } from '../../support/test-clock.ts';

const TIMEOUT = 'sys/kernel/hung_task_timeout_secs';

/** A run of the collector, with a kernel that the test switches. */
class Run implements Disposable {
  readonly proc = new FixtureProc();
  readonly clock = new TestClock();
  readonly logged: string[] = [];
  readonly timeouts: (number | undefined)[] = [];
  readonly #stop = new AbortController();
  looks = 0;
  fails = false;

  constructor(timeout_seconds: number) {
    this.kernel(timeout_seconds);
  }

  kernel(timeout_seconds: number): void {
    this.proc.write(TIMEOUT, `${timeout_seconds}\n`);
  }

  begin(): void {
    const object: Pick<BpfObject, 'iterate'> = {
      iterate: async (program) => {
        assert.equal(program, 'stuck_tasks');
        this.looks += 1;
        if (this.fails) throw new Error('refused');
        return new Uint8Array();
      },
    };
    const log = (message: string): number => this.logged.push(message);
    const ctx = {
      clock: this.clock,
      log: { debug: log, info: log, warn: log, error: log },
      options: { threshold_ns: 20e9 },
      paths: { procfs: this.proc.directory, sysfs: '' },
      signal: this.#stop.signal,
    };
    void lookWhereKernelDoesNot(object, ctx, (seconds) => this.timeouts.push(seconds));
  }

  [Symbol.dispose](): void {
    this.#stop.abort();
    this.clock.cancel();
    this.proc[Symbol.dispose]();
  }
}

test('while the kernel looks it is asked once a minute whether it still does', async () => {
  using run = new Run(120);
  run.begin();
  await run.clock.advance(119);
  assert.deepEqual([run.looks, run.timeouts], [0, [120, 120]]);
});

test('a threshold that has no effect is told once, unless it is what the kernel does anyway', async () => {
  using ignored = new Run(120);
  ignored.begin();
  await ignored.clock.advance(200);
  assert.equal(ignored.logged.length, 1);
  assert.match(ignored.logged[0] ?? '', /the threshold of hungtask has no effect/);
  using same = new Run(20);
  same.begin();
  await same.clock.advance(200);
  assert.deepEqual(same.logged, []);
});

test('while it does not, there are ten looks for each threshold', async () => {
  using run = new Run(0);
  run.begin();
  await run.clock.advance(19);
  assert.equal(run.looks, 10);
  assert.equal(run.logged.length, 1);
});

test('looks end when the kernel looks again, and come back when it stops', async () => {
  using run = new Run(0);
  run.begin();
  await run.clock.advance(3);
  assert.equal(run.looks, 2);
  run.kernel(120);
  await run.clock.advance(1000);
  assert.equal(run.looks, 2);
  run.kernel(0);
  await run.clock.advance(63);
  assert.ok(run.looks > 2);
  assert.equal(run.timeouts.at(-1), 0);
});

test('a kernel without the detector does not look, either', async () => {
  using run = new Run(0);
  rmSync(join(run.proc.directory, TIMEOUT));
  assert.equal(hungTaskTimeout(run.proc.directory), undefined);
  run.begin();
  await run.clock.advance(1);
  assert.equal(run.looks, 1);
});

test('a look that fails is not the last', async () => {
  using run = new Run(0);
  run.fails = true;
  run.begin();
  await run.clock.advance(3);
  assert.equal(run.looks, 2);
  assert.match(run.logged.at(-1) ?? '', /cannot be looked at/);
});
