import assert from 'node:assert/strict';
import { test } from 'node:test';
import cpusys from '../../../src/collectors/autotracing/cpusys.ts';
import { parseCpuStat } from '../../../src/procfs/stat.ts';
import { windowOf } from '../../../src/sdk/window.ts';
import { AutotracerRun, optionsOf } from '../../support/autotracer-run.ts';
import { FixtureProc } from '../../support/fixture-proc.ts';

const OPTIONS = optionsOf(cpusys);

interface Shares {
  readonly user?: number;
  readonly system?: number;
  readonly irq?: number;
  readonly softirq?: number;
}

/** /proc/stat of four CPUs that have spent ten seconds each in such a way, in percent; the rest was idle. */
class Ticks {
  readonly #passed = { user: 0, system: 0, irq: 0, softirq: 0, idle: 0 };

  pass({ user = 0, system = 0, irq = 0, softirq = 0 }: Shares): string {
    const shares = { user, system, irq, softirq, idle: 100 - user - system - irq - softirq };
    for (const mode of Object.keys(shares) as (keyof typeof shares)[])
      this.#passed[mode] += Math.round(40 * shares[mode]);
    const passed = this.#passed;
    return `cpu  ${passed.user} 0 ${passed.system} ${passed.idle} 0 ${passed.irq} ${passed.softirq} 0 0 0\n`;
  }
}

function judge(...shares: readonly Shares[]) {
  const ticks = new Ticks();
  const samples = [{}, ...shares].map((share, index) => ({
    boottime_ns: BigInt(index) * 10_000_000_000n,
    state: parseCpuStat(ticks.pass(share)).total,
  }));
  const window = windowOf(samples.slice(-OPTIONS.window), OPTIONS.window);
  assert.ok(window);
  return cpusys.trigger(window, OPTIONS);
}

test('pace and thresholds are those of existing installations', () => {
  const { every, cooldown, window, profile, system_percent, system_percent_delta } = OPTIONS;
  assert.deepEqual(
    { every, cooldown, window, profile, system_percent, system_percent_delta },
    { every: 10, cooldown: 1800, window: 3, profile: 10, system_percent: 45, system_percent_delta: 20 },
  );
});

test('system time that jumps is a burst; time in interrupts is part of it', () => {
  assert.deepEqual(judge({ user: 20, system: 5 }, { user: 20, system: 40, irq: 1, softirq: 10 }), {
    system_percent: 51,
    system_percent_threshold: 45,
    system_percent_delta: 46,
    system_percent_delta_threshold: 20,
    seconds: 10,
  });
});

for (const [what, ...shares] of [
  ['user time', { system: 5 }, { user: 95, system: 5 }],
  ['system time that stays high', { system: 60 }, { system: 60 }],
  ['a jump that ends below the limit', { system: 5 }, { system: 44 }],
  ['system time that grows little by little', { system: 40 }, { system: 55 }],
  ['too few samples', { system: 90 }],
] as const)
  test(`${what} is no burst`, () => {
    assert.equal(judge(...shares), undefined);
  });

test('a quiet host gives nothing in two hours, then a burst one document, though the profile fails', async () => {
  using proc = new FixtureProc();
  const ticks = new Ticks();
  proc.write('stat', ticks.pass({}));
  await using run = new AutotracerRun(cpusys, { procfs: proc.directory, options: OPTIONS });
  for (let sample = 0; sample < 720; sample++) {
    const system = 40 * (1 - Math.cos((sample / 360) * 2 * Math.PI));
    proc.write('stat', ticks.pass({ user: 10, system }));
    await run.clock.advance(10);
  }
  assert.deepEqual([run.saved, run.counts, run.logged], [[], {}, []]);

  for (let sample = 0; sample < 6; sample++) {
    proc.write('stat', ticks.pass({ user: 10, system: 70 }));
    await run.clock.advance(10);
  }
  assert.deepEqual(
    run.saved.map(({ subject, severity, data }) => [subject, severity, data]),
    [
      [
        undefined,
        'warning',
        {
          system_percent: 70,
          system_percent_threshold: 45,
          system_percent_delta: 70,
          system_percent_delta_threshold: 20,
          seconds: 10,
          partial: true,
        },
      ],
    ],
  );
  assert.deepEqual(run.counts, { partial: 1 });
});
