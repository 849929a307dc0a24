import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import type { WaitState } from '../../../src/collectors/autotracing/wait-history.ts';
import waitrate from '../../../src/collectors/autotracing/waitrate.ts';
import type { Container } from '../../../src/sdk/container.ts';
import { windowOf } from '../../../src/sdk/window.ts';
import { AutotracerRun, optionsOf } from '../../support/autotracer-run.ts';
import { FixtureProc } from '../../support/fixture-proc.ts';
import { container } from '../../support/harness-containers.ts';

const OPTIONS = optionsOf(waitrate, { window: 12 });
const EVERY_NS = 1e10;

/** Samples every 10 s of a task that wants to run all the time, and waits so many percent of it. */
function judge(
  shares: readonly number[],
  last: Partial<WaitState> = {},
  busy: number | readonly number[] = 1,
) {
  let [wait_ns, run_ns] = [0, 0];
  const samples = [0, ...shares].map((share, index) => {
    const wanted_ns = EVERY_NS * (typeof busy === 'number' ? busy : (busy[index - 1] ?? 0));
    wait_ns += (share / 100) * wanted_ns;
    run_ns += (1 - share / 100) * wanted_ns;
    const state: WaitState = {
      ...{ wait_ns, run_ns, tasks: 1 },
      throttling: { throttledPeriods: 0, throttled_ns: 0 },
      ...(index === shares.length && last),
    };
    return { boottime_ns: BigInt(index * EVERY_NS), state };
  });
  const window = windowOf(samples, OPTIONS.window);
  assert.ok(window);
  return waitrate.trigger(window, OPTIONS);
}

const QUIET = [14, 16, 14, 16, 14, 16, 14, 16, 14, 16] as const;

test('a wait far above what it was is told, with what it was', () => {
  const { rise_percent, ...found } = judge([...QUIET, 60]) ?? { rise_percent: 0 };
  assert.deepEqual(found, {
    ...{ wait_percent: 60, source: 'tasks', waiting_tasks: 0.6, mean_percent: 15, deviation_percent: 1 },
    ...{ reason: 'jump', window_seconds: 110 },
    ...{ throttled_periods: 0, throttled_ns: 0, quota_is_cause: false },
  });
  assert.ok(rise_percent > 0 && rise_percent < 30);
});

test('a wait that grows steadily is told by its line, though each step is small', () => {
  const shares = Array.from({ length: 11 }, (_, index) => 12 + 4 * index);
  const found = judge(shares);
  assert.deepEqual([found?.reason, found?.rise_percent], ['rise', 40]);
});

test('a quota that took half of the time, or half of the wait, is the cause', () => {
  const throttled = (throttled_ns: number) =>
    judge([...QUIET, 60], { throttling: { throttledPeriods: 90, throttled_ns } });
  const [most, little] = [throttled(3.5e9), throttled(1e9)];
  assert.deepEqual([most?.quota_is_cause, most?.throttled_periods, most?.throttled_ns], [true, 90, 3.5e9]);
  assert.equal(little?.quota_is_cause, false);
  assert.equal(judge([...QUIET, 60], { throttling: {} })?.quota_is_cause, undefined);
});

for (const [what, shares, last, busy] of [
  ['waiting as much as ever', [55, 65, 55, 65, 55, 65, 55, 65, 55, 65, 62]],
  ['little more than ever, below the floor', [...QUIET, 19]],
  ['waiting less', [60, 60, 60, 60, 60, 60, 60, 60, 60, 60, 20]],
  ['a container that wants next to nothing', [...QUIET, 60], {}, 0.01],
  ['a task that has ended', [...QUIET, 60], { wait_ns: 0 }],
  ['an old task that has come from elsewhere', [...QUIET, 60], { wait_ns: 1e13 }],
  ['a window that is not full', [4, 6, 60]],
] as const satisfies readonly (readonly [string, readonly number[], Partial<WaitState>?, number?])[])
  test(`${what} is nothing`, () => {
    assert.equal(judge(shares, last, busy), undefined);
  });

test('a container that has hardly wanted to run has not waited, whatever the share of that was', () => {
  const shares = [90, 40, 95, 80, 90, 60, 90, 95, 80, 90, 70];
  const found = judge(shares, {}, [...Array<number>(10).fill(0.001), 1]);
  assert.deepEqual([found?.reason, found?.mean_percent, found?.wait_percent], ['jump', 0, 70]);
});

test('by default, five minutes of history', () => {
  const { every, window, cooldown, wait_percent, deviations, rise } = optionsOf(waitrate);
  assert.deepEqual(
    { every, window, cooldown, wait_percent, deviations, rise },
    { every: 10, window: 30, cooldown: 1800, wait_percent: 20, deviations: 3, rise: 30 },
  );
});

/** One container with cgroups of v1 and one with v2. */
class Host extends FixtureProc {
  readonly v1: Container;
  readonly v2: Container;
  #wait_ns = 0;
  #run_ns = 0;

  constructor() {
    super();
    this.write('one/tasks', '101\n');
    this.v1 = container('a'.repeat(64), { cpu: join(this.directory, 'one') });
    this.v2 = container('b'.repeat(64), { unified: join(this.directory, 'two') });
    this.wait(0);
  }

  /** Lets ten seconds pass in which both waited this share of half a CPU. */
  wait(share: number): void {
    this.#wait_ns += Math.round(share * 5e9);
    this.#run_ns += Math.round((1 - share) * 5e9);
    this.write('101/schedstat', `${this.#run_ns} ${this.#wait_ns} 9\n`);
    const stat = 'nr_periods 1\nnr_throttled 0\n';
    this.write('one/cpu.stat', `${stat}throttled_time 0\n`);
    this.write('two/cpu.stat', `${stat}throttled_usec 0\n`);
    const averages = 'avg10=0.00 avg60=0.00 avg300=0.00';
    this.write('two/cpu.pressure', `some ${averages} total=${Math.round(this.#wait_ns / 1000)}\n`);
  }
}

test('a host on which containers wait as ever gives nothing in an hour, and a jump one document each', async () => {
  using host = new Host();
  await using run = new AutotracerRun(waitrate, { procfs: host.directory, options: optionsOf(waitrate) });
  run.containers = [host.v1, host.v2];
  for (let sample = 0; sample < 360; sample++) {
    // Up and down within two minutes.
    host.wait(0.2 + 0.15 * Math.sin((sample / 12) * 2 * Math.PI));
    await run.clock.advance(10);
  }
  assert.deepEqual([run.saved, run.counts, run.logged], [[], {}, []]);

  for (let sample = 0; sample < 6; sample++) {
    host.wait(0.9);
    await run.clock.advance(10);
  }
  const told = run.saved.map(({ subject, data }) => {
    const { wait_percent, source, reason, quota_is_cause } = data as Record<string, unknown>;
    return [subject, { wait_percent, source, reason, quota_is_cause }];
  });
  assert.deepEqual(told, [
    [host.v1, { wait_percent: 90, source: 'tasks', reason: 'jump', quota_is_cause: false }],
    [host.v2, { wait_percent: 45, source: 'pressure', reason: 'jump', quota_is_cause: false }],
  ]);
});
