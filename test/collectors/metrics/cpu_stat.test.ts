/** The cpu_stat collector over cgroups that the test makes up, with a clock that the test moves. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { waitPercent } from '../../../src/procfs/cpu-percent.ts';
import type { Container } from '../../../src/sdk/container.ts';
import { CollectorHarness } from '../../support/collector-harness.ts';
import { FixtureProc } from '../../support/fixture-proc.ts';
import { container } from '../../support/harness-containers.ts';
import { type PageFamily, samplesOf } from '../../support/prometheus-text.ts';
import { promlint } from '../../support/promlint.ts';
import { TestClock } from '../../support/test-clock.ts';

const PREFIX = 'huatuo_bamai_cpu_stat_container_';

const load = (containers: readonly Container[]): Promise<CollectorHarness> =>
  CollectorHarness.load('cpu_stat', { containers, clock: new TestClock(0n) });

const byContainer = (page: ReadonlyMap<string, PageFamily>, name: string): Record<string, number> =>
  Object.fromEntries(samplesOf(page, name).map(({ labels, value }) => [labels.container_id, value]));

/** A container of v1 and one of v2, whose CPU waits grow as told. */
class Cgroups implements Disposable {
  readonly files: FixtureProc = new FixtureProc();
  readonly containers: readonly Container[];

  constructor() {
    this.write(0, 0, 0);
    this.containers = [
      container('one', {
        cpu: `${this.files.directory}/one/cpu`,
        cpuacct: `${this.files.directory}/one/cpuacct`,
      }),
      container('two', { unified: `${this.files.directory}/two` }),
    ];
  }

  write(waited_ns: number, ran_ns: number, stalled_us: number): void {
    const { files } = this;
    files.write(
      'one/cpu/cpu.stat',
      `nr_periods 90\nnr_throttled 7\nthrottled_time 1500000000\nwait_sum ${waited_ns}\n`,
    );
    files.write('one/cpuacct/cpuacct.usage', `${ran_ns}\n`);
    files.write('one/cpuacct/cpuacct.stat', 'user 0\nsystem 0\n');
    files.write(
      'two/cpu.stat',
      'usage_usec 1\nnr_periods 5\nnr_throttled 2\nthrottled_usec 250000\nnr_bursts 1\nburst_usec 9\n',
    );
    files.write('two/cpu.pressure', `some avg10=0.00 avg60=0.00 avg300=0.00 total=${stalled_us}\n`);
  }

  [Symbol.dispose](): void {
    this.files[Symbol.dispose]();
  }
}

test('counters are the kernel’s, in the units of existing dashboards and in seconds', async () => {
  using cgroups = new Cgroups();
  await using cpuStat = await load(cgroups.containers);
  assert.deepEqual(promlint(await cpuStat.page()), []);
  const page = await cpuStat.scrape();
  const expected = {
    [`${PREFIX}nr_throttled`]: { one: 7, two: 2 },
    [`${PREFIX}throttled_time`]: { one: 1.5e9, two: 2.5e8 },
    [`${PREFIX}nr_bursts`]: { two: 1 },
    [`${PREFIX}burst_time`]: { two: 9000 },
    huatuo_container_cpu_periods_total: { one: 90, two: 5 },
    huatuo_container_cpu_throttled_seconds_total: { one: 1.5, two: 0.25 },
  };
  for (const [name, values] of Object.entries(expected)) {
    assert.deepEqual(byContainer(page, name), values, name);
    assert.equal(page.get(name)?.type, 'counter');
  }
});

test('waits are a share of what the kernel compares them with, over its own samples', async () => {
  using cgroups = new Cgroups();
  await using cpuStat = await load(cgroups.containers);
  await cpuStat.sample();
  assert.deepEqual(byContainer(await cpuStat.scrape(), `${PREFIX}wait_sum_percent`), {});
  await cpuStat.clock.advance(10);
  cgroups.write(3e9, 1e9, 2.5e6);
  await cpuStat.sample();
  for (let scrapes = 0; scrapes < 2; scrapes++)
    assert.deepEqual(byContainer(await cpuStat.scrape(), `${PREFIX}wait_sum_percent`), { one: 75, two: 25 });
  assert.deepEqual(promlint(await cpuStat.page()), []);
});

test('a container of which the kernel does not tell has no series, one that is gone neither', async () => {
  using files = new FixtureProc();
  const unified = files.write('plain/cpu.stat', 'usage_usec 1\nuser_usec 1\nsystem_usec 0\n');
  await using cpuStat = await load([
    container('plain', { unified }),
    container('gone', { unified: `${unified}/gone` }),
    container('elsewhere', {}),
  ]);
  const page = await cpuStat.scrape();
  assert.deepEqual(
    [...page.keys()].filter((name) => name.includes('container')),
    [],
  );
  assert.deepEqual(cpuStat.logged, []);
});

test('counters that step back, and no time, give no share', () => {
  assert.equal(waitPercent({ wait_ns: 5, run_ns: 5 }, { wait_ns: 4, run_ns: 9 }, 10), undefined);
  assert.equal(waitPercent({ wait_ns: 5, run_ns: 5 }, { wait_ns: 9, run_ns: 4 }, 10), undefined);
  assert.equal(waitPercent({ wait_ns: 5 }, { wait_ns: 9 }, 0), undefined);
  assert.equal(waitPercent({ wait_ns: 5 }, { wait_ns: 9, run_ns: 1 }, 10), undefined);
  assert.equal(waitPercent({ wait_ns: 5, run_ns: 5 }, { wait_ns: 5, run_ns: 5 }, 10), 0);
  assert.equal(waitPercent({ wait_ns: 0 }, { wait_ns: 11 }, 10), 100);
});
