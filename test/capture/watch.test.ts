import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Watch } from '../../src/capture/watch.ts';
import type { Samples } from '../../src/sdk/autotracing.ts';
import { PACE } from '../../src/sdk/autotracing.ts';
import type { AnyAutotracer } from '../../src/sdk/collector.ts';
import type { Window } from '../../src/sdk/window.ts';
import { optionsOf, sampleContext } from '../support/autotracer-run.ts';
import { FixtureProc } from '../support/fixture-proc.ts';
import { container } from '../support/harness-containers.ts';

const SECOND_NS = 1_000_000_000n;
const ONE = container('a'.repeat(64), {});
const OTHER = container('b'.repeat(64), {});
const OPTIONS = optionsOf({ options: PACE }, { every: '10s', window: 3 });

/** An autotracer of numbers, whose every look is taken by a watch of its own, as on the pool. */
class Looks {
  levels: Samples<unknown> = [];
  memory: Watch['memory'] | undefined;
  readonly logged: string[] = [];
  readonly collector: AnyAutotracer;
  #now_ns = 0n;

  constructor(collector: Partial<AnyAutotracer> = {}) {
    this.collector = {
      kind: 'autotracing',
      doc: 'In a test',
      sample: () => this.levels,
      trigger: ({ newest }) => (Number(newest.state) >= 100 ? { level: newest.state } : undefined),
      capture: () => ({}),
      ...collector,
    };
  }

  async next(procfs = '/proc'): Promise<Awaited<ReturnType<Watch['look']>>> {
    const context = sampleContext(procfs);
    const error = (message: string): number => this.logged.push(message);
    const watch = new Watch(
      this.collector,
      { ...context, options: OPTIONS, log: { ...context.log, error } },
      structuredClone(this.memory),
    );
    const look = await watch.look(this.#now_ns);
    this.#now_ns += 10n * SECOND_NS;
    this.memory = watch.memory;
    return look;
  }
}

test('an alarm has its subject, what the trigger returned, and the time of the sample', async () => {
  const looks = new Looks();
  looks.levels = [
    ['host', 99],
    [ONE, 120],
    [ONE.id, 130],
  ];
  await looks.next();
  const { alarms } = await looks.next();
  const boottime_ns = 10n * SECOND_NS;
  assert.deepEqual(
    alarms,
    [
      { key: `container ${ONE.id}`, subject: ONE, why: { level: 120 }, boottime_ns },
      { key: `host ${ONE.id}`, subject: ONE.id, why: { level: 130 }, boottime_ns },
    ],
    'a part of the host is not the container of the same name',
  );
});

test('a trigger that throws for one subject, and a subject that is none, cost the others nothing', async () => {
  const looks = new Looks({
    trigger: ({ newest }) => {
      if (newest.state === 1) throw new Error('a bug');
      return { level: newest.state };
    },
  });
  looks.levels = [
    [ONE, 1],
    [undefined as never, 2],
    [OTHER, 2],
  ];
  const { alarms, suppressed } = await looks.next();
  assert.deepEqual(
    alarms.map(({ subject }) => subject),
    [OTHER],
  );
  assert.deepEqual(suppressed, { failed: 2, subjects: 0 });
  assert.deepEqual(looks.logged, ['a trigger failed', 'a trigger failed']);
});

test('subjects beyond the bound are counted', async () => {
  const looks = new Looks();
  looks.levels = Array.from({ length: 1030 }, (_, part) => [`part ${part}`, 0] as const);
  assert.deepEqual((await looks.next()).suppressed, { failed: 0, subjects: 6 });
});

test('the window of a subject that was gone begins anew; one missed sample does not matter', async () => {
  const seen: unknown[][] = [];
  const looks = new Looks({
    trigger: ({ samples }: Window<unknown>) => {
      seen.push(samples.map(({ state }) => state));
      return undefined;
    },
  });
  for (const level of [[1], [2], [], [3], [], [], [], [4]]) {
    looks.levels = level.map((one) => [ONE, one] as const);
    await looks.next();
  }
  assert.deepEqual(seen, [[1], [1, 2], [1, 2, 3], [4]]);
});

test('a sample that comes when its time is up is dropped', async () => {
  const watch = new Watch(new Looks().collector, { ...sampleContext('/proc'), options: OPTIONS });
  await assert.rejects(watch.look(0n, AbortSignal.abort()));
  assert.deepEqual(watch.memory.windows, []);
});

test('processes are remembered half a window apart, and no more often than each minute', async () => {
  using proc = new FixtureProc();
  proc.add({ pid: 101, pages: 10, started_ticks: 5 });
  const looks = new Looks({ remembersProcesses: true });
  const times: (readonly bigint[])[] = [];
  for (let look = 0; look < 14; look++) {
    await looks.next(proc.directory);
    times.push(looks.memory?.baselines.map(({ boottime_ns }) => boottime_ns / SECOND_NS) ?? []);
  }
  assert.deepEqual([times[5], times[6], times[12]], [[0n], [0n, 60n], [60n, 120n]]);
});
