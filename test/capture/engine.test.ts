import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Engine, MAX_FAILED_SAMPLES, SAMPLE_DEADLINE_SECONDS } from '../../src/capture/engine.ts';
import type { Alarm, Look, Memory, Outcome, Pace, Tracer } from '../../src/capture/tracer.ts';
import { HuatuoError } from '../../src/error.ts';
import { FakeClock, settled } from '../support/fake-clock.ts';

const PACE: Pace = {
  every_seconds: 10,
  cooldown_seconds: 300,
  hourly: { captures: 4, cpu_seconds: 60 },
};

interface LevelAlarm extends Alarm {
  readonly level: number;
}

type Levels = readonly (readonly [key: string, level: number])[];

/** An autotracer of numbers, which triggers at 100 and above. */
class Numbers implements Tracer<LevelAlarm> {
  /** What the next looks show. */
  levels: Levels = [];
  readonly captured: LevelAlarm[] = [];
  readonly kept: Memory[] = [];
  readonly counted: string[] = [];
  readonly logged: string[] = [];
  looks = 0;
  cpu_seconds = 0;
  readonly counts = {
    captured: (outcome: string) => this.counted.push(outcome),
    suppressed: (cause: string, times = 1) => this.counted.push(...Array(times).fill(`suppressed: ${cause}`)),
    sampled: (outcome: string) => {
      if (outcome === 'failed') this.counted.push('sample failed');
    },
  };
  readonly log = {
    debug: () => {},
    info: () => {},
    warn: (message: string) => this.logged.push(message),
    error: (message: string) => this.logged.push(message),
  };

  async look(_signal: AbortSignal): Promise<Look<LevelAlarm>> {
    this.looks += 1;
    return lookAt(this.levels);
  }
  async capture(alarm: LevelAlarm, _signal: AbortSignal): Promise<Exclude<Outcome, 'failed'>> {
    this.captured.push(alarm);
    return 'complete';
  }
  captureCpu_seconds(): number {
    return this.cpu_seconds;
  }
  keep(memory: Memory): void {
    this.kept.push(structuredClone(memory));
  }
}

function lookAt(levels: Levels): Look<LevelAlarm> {
  const alarms = levels.filter(([, level]) => level >= 100).map(([key, level]) => ({ key, level }));
  return { alarms, suppressed: { failed: 0, subjects: 0 } };
}

const keysOf = (alarms: readonly Alarm[]): string[] => alarms.map(({ key }) => key);

class Run implements AsyncDisposable {
  readonly clock: FakeClock;
  readonly #stop = new AbortController();
  readonly ended: Promise<unknown>;

  constructor(tracer: Tracer<LevelAlarm>, { pace = {}, memory, clock = new FakeClock() }: RunOptions = {}) {
    this.clock = clock;
    const time = { clock, stop: this.#stop.signal };
    // The first sample waits for the test to say what it shows.
    this.ended = settled()
      .then(() => new Engine(tracer, { ...PACE, ...pace }, time, memory).run())
      .catch((error: unknown) => error);
  }

  async stop(): Promise<void> {
    await settled();
    this.#stop.abort();
    await this.ended;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }
}

interface RunOptions {
  readonly pace?: Partial<Pace>;
  readonly memory?: Memory | undefined;
  readonly clock?: FakeClock;
}

const ONE_CAPTURE = { captures: 1, cpu_seconds: 60 };
const ONE = 'container one';
const OTHER = 'container other';

test('samples on its clock, the first one at once', async () => {
  const numbers = new Numbers();
  await using run = new Run(numbers);
  await run.clock.advance(0);
  assert.equal(numbers.looks, 1);
  await run.clock.advance(9.9);
  assert.equal(numbers.looks, 1);
  await run.clock.advance(0.1);
  assert.equal(numbers.looks, 2);
});

test('later samples fall on multiples of the interval, at least half of one after the first', async () => {
  for (const [start, first] of [
    [3, 10],
    [7, 20],
  ] as const) {
    const clock = new FakeClock();
    await clock.advance(start);
    const times: number[] = [];
    const numbers = new Numbers();
    numbers.look = async () => {
      times.push(Number(clock.boottime_ns()) / 1e9);
      return lookAt([]);
    };
    await using run = new Run(numbers, { clock });
    await run.clock.advance(25);
    assert.deepEqual(times.slice(0, 2), [start, first]);
  }
});

test('a quiet host gives nothing in a week', async () => {
  const numbers = new Numbers();
  await using run = new Run(numbers, { pace: { every_seconds: 60 } });
  numbers.levels = [
    ['host', 99],
    [ONE, 50],
  ];
  await run.clock.advance(7 * 86_400);
  assert.equal(numbers.looks, 7 * 1440 + 1);
  assert.deepEqual([numbers.captured, numbers.counted, numbers.logged], [[], [], []]);
});

test('a trigger is captured once, and again when the cool-down is over', async () => {
  const numbers = new Numbers();
  await using run = new Run(numbers);
  numbers.levels = [['host', 120]];
  await run.clock.advance(299);
  assert.deepEqual(numbers.captured, [{ key: 'host', level: 120 }]);
  assert.deepEqual(numbers.counted, ['complete', ...Array(29).fill('suppressed: cooldown')]);
  await run.clock.advance(1);
  assert.equal(numbers.captured.length, 2);
});

test('each subject has a cool-down of its own', async () => {
  const numbers = new Numbers();
  await using run = new Run(numbers);
  numbers.levels = [[ONE, 120]];
  await run.clock.advance(5);
  numbers.levels = [
    [ONE, 120],
    [OTHER, 130],
  ];
  await run.clock.advance(5);
  assert.deepEqual(keysOf(numbers.captured), [ONE, OTHER]);
});

test('the captures of all subjects within an hour are bounded', async () => {
  const numbers = new Numbers();
  await using run = new Run(numbers, {
    pace: { cooldown_seconds: 0, hourly: { captures: 2, cpu_seconds: 60 } },
  });
  numbers.levels = [
    [ONE, 120],
    [OTHER, 120],
    ['host', 120],
  ];
  await run.clock.advance(0);
  assert.deepEqual(keysOf(numbers.captured), [ONE, OTHER]);
  assert.deepEqual(numbers.counted.toSorted(), ['complete', 'complete', 'suppressed: budget']);
  await run.clock.advance(3599);
  assert.equal(numbers.captured.length, 2);
  await run.clock.advance(1);
  assert.equal(numbers.captured.length, 4);
});

test('looks go on while captures run, those of several subjects at once', async () => {
  const numbers = new Numbers();
  const open = Promise.withResolvers<'complete'>();
  const begun: string[] = [];
  numbers.capture = ({ key }) => {
    begun.push(key);
    return open.promise;
  };
  await using run = new Run(numbers, { pace: { cooldown_seconds: 1 } });
  numbers.levels = [
    [ONE, 120],
    [OTHER, 120],
  ];
  await run.clock.advance(25);
  assert.deepEqual([numbers.looks, begun], [3, [ONE, OTHER]]);
  assert.deepEqual(numbers.counted, Array(4).fill('suppressed: cooldown'), 'one at a time for each subject');
  open.resolve('complete');
  await settled();
  assert.deepEqual(numbers.counted.slice(4), ['complete', 'complete']);
});

test('a capture without a document is counted, and costs nothing else', async () => {
  const numbers = new Numbers();
  numbers.capture = () => Promise.reject(new Error('disk full'));
  await using run = new Run(numbers);
  numbers.levels = [[ONE, 120]];
  await run.clock.advance(0);
  assert.deepEqual(numbers.counted, ['failed']);
  assert.deepEqual(numbers.logged, ['a capture is lost']);
  await run.clock.advance(10);
  assert.equal(numbers.looks, 2);
});

test('what a look could not judge is counted by cause', async () => {
  const numbers = new Numbers();
  numbers.look = async () => ({ alarms: [{ key: ONE, level: 120 }], suppressed: { failed: 2, subjects: 1 } });
  await using run = new Run(numbers);
  await run.clock.advance(0);
  assert.deepEqual(numbers.counted, [
    ...['suppressed: failed', 'suppressed: failed', 'suppressed: subjects', 'complete'],
  ]);
});

test('a failed sample is counted and the next one taken in its time; only many in a row end the run', async () => {
  const numbers = new Numbers();
  const failure = new Error('no such file');
  numbers.look = () => Promise.reject(failure);
  await using run = new Run(numbers);
  await run.clock.advance(10 * (MAX_FAILED_SAMPLES - 2));
  assert.deepEqual(numbers.counted, Array(MAX_FAILED_SAMPLES - 1).fill('sample failed'));
  numbers.look = async () => lookAt([]);
  await run.clock.advance(10);
  numbers.look = () => Promise.reject(failure);
  await run.clock.advance(10 * MAX_FAILED_SAMPLES);
  assert.equal(await run.ended, failure);
});

test('a sample whose thread is replaced meanwhile is counted, and worth no line unless it happens again', async () => {
  const numbers = new Numbers();
  const gone = { expected: 'an answer', found: 'that it has ended', remedy: 'none' };
  numbers.look = () => Promise.reject(new HuatuoError('WORKER_EXITED', gone));
  await using run = new Run(numbers);
  await run.clock.advance(0);
  assert.deepEqual([numbers.counted, numbers.logged], [['sample failed'], []]);
  await run.clock.advance(10);
  assert.deepEqual(numbers.logged, ['a sample failed']);
});

test('a failure that no retry can heal ends the run at once', async () => {
  const numbers = new Numbers();
  const failure = new HuatuoError('COLLECTOR_INVALID', { found: 'nonsense', remedy: 'correct it' });
  numbers.look = () => Promise.reject(failure);
  await using run = new Run(numbers);
  await run.clock.advance(0);
  assert.equal(await run.ended, failure);
});

test('a sample that hangs has failed after its deadline, and no second one is started beside it', async () => {
  const numbers = new Numbers();
  const open = Promise.withResolvers<Look<LevelAlarm>>();
  let started = 0;
  numbers.look = () => {
    started += 1;
    return open.promise;
  };
  await using run = new Run(numbers);
  await run.clock.advance(SAMPLE_DEADLINE_SECONDS);
  assert.deepEqual(numbers.counted, ['sample failed']);
  await run.clock.advance(20);
  assert.deepEqual([started, numbers.counted.length], [1, 3]);
  assert.deepEqual(numbers.logged, Array(2).fill('a sample failed'), 'one that is late is no reason to warn');
  open.resolve(lookAt([[ONE, 120]]));
  await settled();
  assert.deepEqual(numbers.captured, [], 'what comes late is dropped');
  await run.clock.advance(10);
  assert.deepEqual([started, numbers.captured.length], [2, 1]);
});

test('when captures have used up their CPU time there is none; that is counted by cause, and said once, until an hour has passed', async () => {
  const clock = new FakeClock();
  const numbers = new Numbers();
  const pace = { cooldown_seconds: 0 };
  numbers.capture = async () => {
    numbers.cpu_seconds += 45;
    return 'complete';
  };
  {
    await using run = new Run(numbers, { clock, pace });
    numbers.levels = [[ONE, 120]];
    await run.clock.advance(55);
    assert.deepEqual(numbers.counted, ['complete', 'complete', ...Array(4).fill('suppressed: cpu_budget')]);
  }
  numbers.counted.length = 0;
  await using run = new Run(numbers, { clock, pace, memory: numbers.kept.at(-1) });
  await run.clock.advance(3000);
  assert.ok(!numbers.counted.includes('complete'));
  await run.clock.advance(700);
  assert.ok(numbers.counted.includes('complete'));
  assert.equal(numbers.logged.filter((line) => /capture_cpu_per_hour is used up/.test(line)).length, 3);
});

test('cool-downs and the budget outlive the run', async () => {
  const clock = new FakeClock();
  const numbers = new Numbers();
  {
    await using run = new Run(numbers, { clock, pace: { hourly: ONE_CAPTURE } });
    numbers.levels = [[ONE, 120]];
    await run.clock.advance(15);
  }
  numbers.counted.length = 0;
  await using _run = new Run(numbers, { clock, memory: numbers.kept.at(-1), pace: { hourly: ONE_CAPTURE } });
  numbers.levels = [
    [ONE, 120],
    [OTHER, 120],
  ];
  await clock.advance(0);
  assert.deepEqual(numbers.counted, ['suppressed: cooldown', 'suppressed: budget']);
  assert.equal(numbers.captured.length, 1);
});

test('what a crash must not lose is kept when a capture begins', async () => {
  const numbers = new Numbers();
  numbers.capture = (_alarm, signal) =>
    new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason), { once: true }));
  await using run = new Run(numbers);
  await run.clock.advance(15);
  numbers.levels = [[ONE, 120]];
  await run.clock.advance(5);
  assert.deepEqual(numbers.kept.at(-1)?.cooldowns, [[ONE, 320_000_000_000n]]);
});

test('a capture that is cut off by the stop may be repeated by the next run', async () => {
  const clock = new FakeClock();
  const numbers = new Numbers();
  const { capture } = numbers;
  numbers.capture = (_alarm, signal) =>
    new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason), { once: true }));
  const run = new Run(numbers, { clock });
  numbers.levels = [[ONE, 120]];
  await clock.advance(5);
  await run.stop();
  assert.deepEqual([numbers.captured, numbers.counted], [[], ['failed']]);
  numbers.capture = capture;
  await using _next = new Run(numbers, { clock, memory: numbers.kept.at(-1) });
  await clock.advance(0);
  assert.equal(numbers.captured.length, 1);
});
