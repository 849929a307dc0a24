import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Engine, MAX_FAILED_SAMPLES, SAMPLE_DEADLINE_SECONDS } from '../../src/capture/engine.ts';
import type { CaptureDocument, Captured, Memory, Pace, Tracer } from '../../src/capture/tracer.ts';
import { HuatuoError } from '../../src/error.ts';
import type { Samples, Subject } from '../../src/sdk/autotracing.ts';
import type { Window } from '../../src/sdk/window.ts';
import { FakeClock, settled } from '../support/fake-clock.ts';
import { container } from '../support/harness-containers.ts';

const PACE: Pace = {
  every_seconds: 10,
  window: 3,
  cooldown_seconds: 300,
  captures_per_hour: 4,
  deadline_seconds: 30,
};

interface Why {
  readonly level: number;
}

/** An autotracer of numbers, which triggers at 100 and above. */
class Numbers implements Tracer<number, Why> {
  /** What the next samples show. */
  levels: (readonly [Subject, number])[] = [];
  readonly gone = new Set<Subject>();
  readonly saved: CaptureDocument[] = [];
  readonly kept: Memory<number>[] = [];
  readonly counted: string[] = [];
  readonly logged: string[] = [];
  samples = 0;
  readonly counts = {
    captured: (outcome: string) => this.counted.push(outcome),
    suppressed: (cause: string) => this.counted.push(`suppressed: ${cause}`),
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

  sample(_signal: AbortSignal): Samples<number> | Promise<Samples<number>> {
    this.samples += 1;
    return this.levels;
  }
  trigger({ newest }: Window<number>): Why | undefined {
    return newest.state >= 100 ? { level: newest.state } : undefined;
  }
  capture(subject: Subject, why: Why, _signal: AbortSignal): Captured | Promise<Captured> {
    return { data: { ...why, detail: 'all of it' }, isPartial: this.gone.has(subject) };
  }
  async save(document: CaptureDocument): Promise<void> {
    this.saved.push(document);
  }
  keep(memory: Memory<number>): void {
    this.kept.push(structuredClone(memory));
  }
}

class Run implements AsyncDisposable {
  readonly clock: FakeClock;
  readonly #stop = new AbortController();
  readonly ended: Promise<unknown>;

  constructor(tracer: Tracer<number, Why>, { pace = {}, memory, clock = new FakeClock() }: RunOptions = {}) {
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
  readonly memory?: Memory<number> | undefined;
  readonly clock?: FakeClock;
}

const ONE = container('a'.repeat(64), {});
const OTHER = container('b'.repeat(64), {});

test('samples on its clock, the first one at once', async () => {
  const numbers = new Numbers();
  await using run = new Run(numbers);
  await run.clock.advance(0);
  assert.equal(numbers.samples, 1);
  await run.clock.advance(9.9);
  assert.equal(numbers.samples, 1);
  await run.clock.advance(0.1);
  assert.equal(numbers.samples, 2);
});

test('a quiet host gives nothing in a week', async () => {
  const numbers = new Numbers();
  await using run = new Run(numbers, { pace: { every_seconds: 60 } });
  numbers.levels = [
    ['host', 99],
    [ONE, 50],
  ];
  await run.clock.advance(7 * 86_400);
  assert.equal(numbers.samples, 7 * 1440 + 1);
  assert.deepEqual([numbers.saved, numbers.counted, numbers.logged], [[], [], []]);
});

test('a trigger is captured once, and again when the cool-down is over', async () => {
  const numbers = new Numbers();
  await using run = new Run(numbers);
  numbers.levels = [['host', 120]];
  await run.clock.advance(299);
  assert.deepEqual(numbers.saved, [
    { subject: 'host', boottime_ns: 0n, data: { level: 120, detail: 'all of it' } },
  ]);
  assert.deepEqual(numbers.counted, ['complete', ...Array(29).fill('suppressed: cooldown')]);
  await run.clock.advance(1);
  assert.deepEqual(
    numbers.saved.map(({ boottime_ns }) => boottime_ns),
    [0n, 300_000_000_000n],
  );
});

test('each subject has a cool-down of its own', async () => {
  const numbers = new Numbers();
  await using run = new Run(numbers);
  numbers.levels = [[ONE, 120]];
  await run.clock.advance(5);
  numbers.levels = [
    [ONE, 120],
    [OTHER, 130],
    [OTHER.id, 140],
  ];
  await run.clock.advance(5);
  assert.deepEqual(
    numbers.saved.map(({ subject }) => subject),
    [ONE, OTHER, OTHER.id],
    'a part of the host is not the container of the same name',
  );
});

test('the captures of all subjects within an hour are bounded', async () => {
  const numbers = new Numbers();
  await using run = new Run(numbers, { pace: { cooldown_seconds: 0, captures_per_hour: 2 } });
  numbers.levels = [
    [ONE, 120],
    [OTHER, 120],
    ['host', 120],
  ];
  await run.clock.advance(0);
  assert.deepEqual(
    numbers.saved.map(({ subject }) => subject),
    [ONE, OTHER],
  );
  assert.deepEqual(numbers.counted.toSorted(), ['complete', 'complete', 'suppressed: budget']);
  await run.clock.advance(3599);
  assert.equal(numbers.saved.length, 2);
  await run.clock.advance(1);
  assert.equal(numbers.saved.length, 4);
});

test('sampling goes on while captures run, those of several subjects at once', async () => {
  const numbers = new Numbers();
  const open = Promise.withResolvers<Captured>();
  numbers.capture = () => open.promise;
  await using run = new Run(numbers, { pace: { cooldown_seconds: 1 } });
  numbers.levels = [
    [ONE, 120],
    [OTHER, 120],
  ];
  await run.clock.advance(25);
  assert.equal(numbers.samples, 3);
  assert.deepEqual(numbers.saved, []);
  assert.deepEqual(numbers.counted, Array(4).fill('suppressed: cooldown'), 'one at a time for each subject');
  open.resolve({ data: { level: 1 }, isPartial: false });
  await settled();
  assert.deepEqual(
    numbers.saved.map(({ subject }) => subject),
    [ONE, OTHER],
  );
});

test('a subject that vanished during its capture has a partial document', async () => {
  const numbers = new Numbers();
  numbers.gone.add(ONE);
  await using run = new Run(numbers);
  numbers.levels = [[ONE, 120]];
  await run.clock.advance(1);
  assert.deepEqual(
    numbers.saved.map(({ data }) => data),
    [{ level: 120, detail: 'all of it', partial: true }],
  );
  assert.deepEqual(numbers.counted, ['partial']);
});

for (const [what, capture] of Object.entries({
  throws: () => {
    throw new Error('no such file');
  },
  rejects: () => Promise.reject(new Error('no such file')),
  'never ends': () => new Promise<Captured>(() => {}),
})) {
  test(`of a capture that ${what}, what triggered it is written`, async () => {
    const numbers = new Numbers();
    numbers.capture = capture;
    await using run = new Run(numbers);
    numbers.levels = [[ONE, 120]];
    await run.clock.advance(30);
    assert.deepEqual(
      numbers.saved.map(({ data }) => data),
      [{ level: 120, partial: true }],
    );
    assert.deepEqual(numbers.logged, ['a capture failed; what triggered it is written']);
  });
}

test('a capture is told when its time is up', async () => {
  const numbers = new Numbers();
  let told = false;
  numbers.capture = (_subject, _why, signal) => {
    signal.addEventListener('abort', () => {
      told = true;
    });
    return new Promise(() => {});
  };
  await using run = new Run(numbers);
  numbers.levels = [[ONE, 120]];
  await run.clock.advance(29);
  assert.equal(told, false);
  await run.clock.advance(1);
  assert.equal(told, true);
});

test('a document that cannot be saved is counted, and costs nothing else', async () => {
  const numbers = new Numbers();
  numbers.save = async () => {
    throw new Error('disk full');
  };
  await using run = new Run(numbers);
  numbers.levels = [[ONE, 120]];
  await run.clock.advance(0);
  assert.deepEqual(numbers.counted, ['failed']);
  assert.deepEqual(numbers.logged, ['a capture is lost']);
  await run.clock.advance(10);
  assert.equal(numbers.samples, 2);
});

test('a failed sample is counted and the next one taken in its time; only many in a row end the run', async () => {
  const numbers = new Numbers();
  const failure = new Error('no such file');
  numbers.sample = () => {
    throw failure;
  };
  await using run = new Run(numbers);
  await run.clock.advance(10 * (MAX_FAILED_SAMPLES - 2));
  assert.deepEqual(numbers.counted, Array(MAX_FAILED_SAMPLES - 1).fill('sample failed'));
  numbers.sample = () => [];
  await run.clock.advance(10);
  numbers.sample = () => {
    throw failure;
  };
  await run.clock.advance(10 * MAX_FAILED_SAMPLES);
  assert.equal(await run.ended, failure);
});

test('a failure that no retry can heal ends the run at once', async () => {
  const numbers = new Numbers();
  const failure = new HuatuoError('COLLECTOR_INVALID', { found: 'nonsense', remedy: 'correct it' });
  numbers.sample = () => Promise.reject(failure);
  await using run = new Run(numbers);
  await run.clock.advance(0);
  assert.equal(await run.ended, failure);
});

test('a sample that hangs has failed after its deadline, and no second one is started beside it', async () => {
  const numbers = new Numbers();
  const open = Promise.withResolvers<Samples<number>>();
  let started = 0;
  numbers.sample = () => {
    started += 1;
    return open.promise;
  };
  await using run = new Run(numbers);
  await run.clock.advance(SAMPLE_DEADLINE_SECONDS);
  assert.deepEqual(numbers.counted, ['sample failed']);
  await run.clock.advance(20);
  assert.deepEqual([started, numbers.counted.length], [1, 3]);
  open.resolve([[ONE, 120]]);
  await settled();
  assert.deepEqual(numbers.saved, [], 'what comes late is dropped');
  await run.clock.advance(10);
  assert.deepEqual([started, numbers.saved.length], [2, 1]);
});

test('a trigger that throws for one subject costs the others nothing', async () => {
  const numbers = new Numbers();
  numbers.trigger = ({ newest }) => {
    if (newest.state === 1) throw new Error('a bug');
    return { level: newest.state };
  };
  await using run = new Run(numbers);
  numbers.levels = [
    [ONE, 1],
    [OTHER, 2],
  ];
  await run.clock.advance(0);
  assert.deepEqual(
    numbers.saved.map(({ subject }) => subject),
    [OTHER],
  );
  assert.deepEqual(numbers.counted, ['suppressed: failed', 'complete']);
});

test('the window of a subject that was gone begins anew; one missed sample does not matter', async () => {
  const numbers = new Numbers();
  const seen: number[][] = [];
  numbers.trigger = ({ samples }) => {
    seen.push(samples.map(({ state }) => state));
    return undefined;
  };
  await using run = new Run(numbers);
  const levels = [[1], [2], [], [3], [], [], [], [4]];
  for (const level of levels) {
    numbers.levels = level.map((one) => [ONE, one] as const);
    await run.clock.advance(seen.length === 0 ? 0 : 10);
  }
  assert.deepEqual(seen, [[1], [1, 2], [1, 2, 3], [4]]);
});

test('windows, cool-downs and the budget outlive the run', async () => {
  const clock = new FakeClock();
  const numbers = new Numbers();
  {
    await using run = new Run(numbers, { clock, pace: { captures_per_hour: 1 } });
    numbers.levels = [
      [ONE, 120],
      [OTHER, 1],
    ];
    await run.clock.advance(15);
  }
  numbers.counted.length = 0;
  const windows: number[] = [];
  const decide = numbers.trigger;
  numbers.trigger = (window) => {
    windows.push(window.samples.length);
    return decide(window);
  };
  await using _run = new Run(numbers, { clock, memory: numbers.kept.at(-1), pace: { captures_per_hour: 1 } });
  numbers.levels = [
    [ONE, 120],
    [OTHER, 120],
  ];
  await clock.advance(0);
  assert.deepEqual(windows, [3, 3]);
  assert.deepEqual(numbers.counted, ['suppressed: cooldown', 'suppressed: budget']);
  assert.equal(numbers.saved.length, 1);
});

test('what a crash must not lose is kept when a capture begins', async () => {
  const numbers = new Numbers();
  numbers.capture = () => new Promise(() => {});
  await using run = new Run(numbers);
  await run.clock.advance(15);
  numbers.levels = [[ONE, 120]];
  await run.clock.advance(5);
  assert.deepEqual(numbers.kept.at(-1)?.cooldowns, [[`container ${ONE.id}`, 320_000_000_000n]]);
});

test('a capture that is cut off by the stop may be repeated by the next run', async () => {
  const clock = new FakeClock();
  const numbers = new Numbers();
  numbers.capture = () => new Promise(() => {});
  const run = new Run(numbers, { clock });
  numbers.levels = [[ONE, 120]];
  await clock.advance(5);
  await run.stop();
  assert.deepEqual([numbers.saved, numbers.counted], [[], ['failed']]);
  numbers.capture = (_subject, why) => ({ data: why, isPartial: false });
  await using _next = new Run(numbers, { clock, memory: numbers.kept.at(-1) });
  await clock.advance(0);
  assert.equal(numbers.saved.length, 1);
});
