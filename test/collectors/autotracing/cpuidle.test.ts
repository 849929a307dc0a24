import assert from 'node:assert/strict';
import { test } from 'node:test';
import cpuidle from '../../../src/collectors/autotracing/cpuidle.ts';
import type { SavedDocument } from '../../../src/sdk/context.ts';
import { windowOf } from '../../../src/sdk/window.ts';
import { AutotracerRun, optionsOf } from '../../support/autotracer-run.ts';
import { FixtureProc } from '../../support/fixture-proc.ts';
import { container } from '../../support/harness-containers.ts';

const OPTIONS = optionsOf(cpuidle);
const EVERY_NS = 10_000_000_000n;

type Use = readonly [user: number, system: number];

interface Judged {
  readonly cores?: number;
  /** After the last sample. */
  readonly lastCores?: number;
  readonly options?: typeof OPTIONS;
}

/** Samples every 10 s; between two of them, the container used these percent of its CPUs. */
function judge(uses: readonly Use[], { cores = 1, lastCores = cores, options = OPTIONS }: Judged = {}) {
  let [user_ns, system_ns] = [0, 0];
  const used = [[0, 0] as const, ...uses].map(([user, system], index) => {
    user_ns += (user / 100) * 1e10 * cores;
    system_ns += (system / 100) * 1e10 * cores;
    return {
      boottime_ns: BigInt(index) * EVERY_NS,
      state: {
        user_ns,
        system_ns,
        total_ns: user_ns + system_ns,
        cores: index === uses.length ? lastCores : cores,
      },
    };
  });
  const window = windowOf(used.slice(-options.window), options.window);
  assert.ok(window);
  return cpuidle.trigger(window, options);
}

test('pace and thresholds are those of existing installations', () => {
  const { every, cooldown, window, profile, include, exclude } = OPTIONS;
  const limits = Object.fromEntries(Object.entries(OPTIONS).filter(([key]) => key.includes('_percent')));
  assert.deepEqual([every, cooldown, window, profile, include, exclude], [10, 1800, 3, 10, '', '']);
  assert.deepEqual(limits, {
    user_percent: 75,
    user_percent_delta: 45,
    system_percent: 45,
    system_percent_delta: 20,
    total_percent: 90,
    total_percent_delta: 55,
  });
});

test('user time that jumps beyond its limit is a burst, which says all its numbers', () => {
  const found = judge(
    [
      [10, 5],
      [80, 5],
    ],
    { cores: 2 },
  );
  assert.deepEqual(found, {
    user_percent: 80,
    user_percent_threshold: 75,
    user_percent_delta: 70,
    user_percent_delta_threshold: 45,
    system_percent: 5,
    system_percent_threshold: 45,
    system_percent_delta: 0,
    system_percent_delta_threshold: 20,
    total_percent: 85,
    total_percent_threshold: 90,
    total_percent_delta: 70,
    total_percent_delta_threshold: 55,
    cores: 2,
    seconds: 10,
  });
});

for (const [what, before, now] of [
  ['system time', [10, 20], [10, 50]],
  ['both together', [20, 10], [60, 35]],
] as const)
  test(`${what} beyond its limit is a burst`, () => {
    assert.ok(judge([before, now]));
  });

for (const [what, ...uses] of [
  ['use that stays high', [80, 15], [80, 15]],
  ['a jump that ends below the limits', [5, 5], [60, 25]],
  ['use that grows little by little', [50, 10], [80, 10]],
  ['use that falls', [95, 0], [10, 0]],
  ['a container of which there are too few samples', [95, 0]],
] as const)
  test(`${what} is no burst`, () => {
    assert.equal(judge(uses), undefined);
  });

test('a quota that was lowered is no burst', () => {
  const uses = [
    [20, 0],
    [20, 0],
  ] as const;
  assert.equal(judge(uses, { cores: 4, lastCores: 0.8 }), undefined);
});

test('with a longer window, the use before is that of all of it but the last interval', () => {
  const options = { ...OPTIONS, window: 5 };
  const busy = [95, 0] as const;
  const quiet = [5, 0] as const;
  assert.equal(judge([busy, busy, quiet, busy], { options }), undefined);
  assert.ok(judge([quiet, quiet, quiet, busy], { options }));
});

/** Two CPUs, and two containers that breathe. */
class Host extends FixtureProc {
  readonly #used = new Map<string, number>();
  readonly one = this.#container('web', 'a');
  readonly two = this.#container('batch', 'b');

  constructor() {
    super();
    this.write('stat', 'cpu  0 0 0 0 0 0 0 0 0 0\ncpu0 0 0 0 0 0 0 0 0 0 0\ncpu1 0 0 0 0 0 0 0 0 0 0\n');
  }

  /** Lets ten seconds pass in which the container used this share of both CPUs. */
  use(name: string, share: number): void {
    const total_us = (this.#used.get(name) ?? 0) + share * 2e7;
    this.#used.set(name, total_us);
    this.write(
      `${name}/cpu.stat`,
      `usage_usec ${Math.round(total_us)}\nuser_usec ${Math.round(total_us * 0.9)}\nsystem_usec ${Math.round(total_us * 0.1)}\n`,
    );
  }

  #container(name: string, digit: string) {
    this.use(name, 0);
    return { ...container(digit.repeat(64), { unified: `${this.directory}/${name}` }), name };
  }
}

test('a quiet host gives nothing in two hours', async () => {
  using host = new Host();
  await using run = new AutotracerRun(cpuidle, { procfs: host.directory, options: OPTIONS });
  run.containers = [host.one, host.two];
  for (let sample = 0; sample < 720; sample++) {
    const share = (1 - Math.cos((sample / 360) * 2 * Math.PI)) / 2;
    host.use('web', share);
    host.use('batch', 0.2 + 0.5 * (sample % 2));
    await run.clock.advance(10);
  }
  assert.deepEqual([run.saved, run.counts, run.logged], [[], {}, []]);
});

test('two containers that burst at once are a document each; one that is left out has none', async () => {
  for (const [exclude, expected] of [
    ['', ['web', 'batch']],
    ['bat.*', ['web']],
  ] as const) {
    using host = new Host();
    const options = { ...OPTIONS, exclude };
    await using run = new AutotracerRun(cpuidle, { procfs: host.directory, options });
    run.containers = [host.one, host.two];
    for (const share of [0.1, 0.1, 0.1, 0.98, 0.98, 0.98]) {
      for (const name of ['web', 'batch']) host.use(name, share);
      await run.clock.advance(10);
    }
    assert.deepEqual(
      run.saved.map(({ subject, severity }) => [nameOf(subject), severity]),
      expected.map((name) => [name, 'warning']),
    );
  }
});

test('a systemd unit is looked at as a container is; one that is left out by its name has no document', async () => {
  for (const [exclude, expected] of [
    ['', ['web', 'batch.service']],
    ['batch\\.service', ['web']],
  ] as const) {
    using host = new Host();
    await using run = new AutotracerRun(cpuidle, {
      procfs: host.directory,
      options: { ...OPTIONS, exclude },
    });
    run.containers = [host.one];
    const { cgroups, cgroupIds } = host.two;
    run.units = [{ id: 'batch.service', cgroups, cgroupIds }];
    for (const share of [0.1, 0.1, 0.1, 0.98, 0.98, 0.98]) {
      for (const name of ['web', 'batch']) host.use(name, share);
      await run.clock.advance(10);
    }
    assert.deepEqual(
      run.saved.map(({ subject }) => nameOf(subject)),
      expected,
    );
  }
});

function nameOf(subject: SavedDocument['subject']): string | undefined {
  if (typeof subject !== 'object') return subject;
  return 'name' in subject ? subject.name : subject.id;
}
