/** The cpu_util collector over a host that the test makes up, with a clock that the test moves. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { containerPercent, hostPercent } from '../../../src/procfs/cpu-percent.ts';
import { CPU_MODES, type CpuTicks } from '../../../src/procfs/stat.ts';
import type { Container } from '../../../src/sdk/container.ts';
import { CollectorHarness } from '../../support/collector-harness.ts';
import { FixtureProc } from '../../support/fixture-proc.ts';
import { container } from '../../support/harness-containers.ts';
import { HOST_PATHS } from '../../support/kernel.ts';
import { type PageFamily, samplesOf, sampleValue } from '../../support/prometheus-text.ts';
import { promlint } from '../../support/promlint.ts';
import { TestClock } from '../../support/test-clock.ts';

type Page = ReadonlyMap<string, PageFamily>;

/** A two-CPU host with one container of each cgroup version, under a steady load since its clock stood at 0. */
class SteadyHost implements AsyncDisposable {
  readonly cpuUtil: CollectorHarness;
  readonly #proc: FixtureProc;

  static async start(
    containers: (proc: FixtureProc) => readonly Container[] = oneAndTwo,
  ): Promise<SteadyHost> {
    const proc = new FixtureProc();
    const cpuUtil = await CollectorHarness.load('cpu_util', {
      paths: { ...HOST_PATHS, procfs: proc.directory },
      containers: containers(proc),
      clock: new TestClock(0n),
    });
    return new SteadyHost(proc, cpuUtil);
  }

  private constructor(proc: FixtureProc, cpuUtil: CollectorHarness) {
    this.#proc = proc;
    this.cpuUtil = cpuUtil;
  }

  directory(name: string): string {
    return join(this.#proc.directory, name);
  }

  async advance(by_seconds: number): Promise<void> {
    const { clock } = this.cpuUtil;
    await clock.advance(by_seconds);
    this.#write(Number(clock.boottime_ns()) / 1e9);
  }

  /** Its collector's own clock, by ten seconds. */
  async sampleNext(): Promise<void> {
    await this.advance(10);
    await this.cpuUtil.sample();
  }

  #write(seconds: number): void {
    const ticks = seconds * 100;
    const cpu = `${ticks / 4} 0 ${ticks / 4} ${ticks / 2} 0 0 0 0 0 0`;
    const both = `${ticks / 2} 0 ${ticks / 2} ${ticks} 0 0 0 0 0 0`;
    const proc = this.#proc;
    proc.write('stat', `cpu  ${both}\ncpu0 ${cpu}\ncpu1 ${cpu}\n`);
    proc.write('v1/cpuacct.usage', `${seconds * 5e8}\n`);
    proc.write('v1/cpuacct.stat', `user ${ticks / 4}\nsystem ${ticks / 4}\n`);
    const micro = `usage_usec ${seconds * 3e5}\nuser_usec ${seconds * 2e5}\nsystem_usec ${seconds * 1e5}\n`;
    proc.write('v2/cpu.stat', micro);
    proc.write('v2/cpu.max', '50000 100000\n');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.cpuUtil[Symbol.asyncDispose]();
    this.#proc[Symbol.dispose]();
  }
}

function oneAndTwo({ directory }: FixtureProc): [Container, Container] {
  return [
    container('one', { cpuacct: join(directory, 'v1') }),
    container('two', { unified: join(directory, 'v2') }),
  ];
}

const byContainer = (page: Page, name: string): Record<string, number> =>
  Object.fromEntries(
    samplesOf(page, `huatuo_bamai_cpu_util_container_${name}`).map(({ labels, value }) => [
      labels.container_id,
      value,
    ]),
  );

describe('cpu_util', () => {
  test('gives percent of the host and of what each container may use', async () => {
    await using host = await SteadyHost.start();
    await host.sampleNext();
    await host.sampleNext();
    const page = await host.cpuUtil.scrape();
    assert.deepEqual(
      ['usr', 'sys', 'total'].map((name) => sampleValue(page, `huatuo_bamai_cpu_util_${name}`)),
      [25, 25, 50],
    );
    assert.deepEqual(byContainer(page, 'cores'), { one: 2, two: 0.5 });
    assert.deepEqual(byContainer(page, 'total'), { one: 25, two: 60 });
    assert.deepEqual(byContainer(page, 'usr'), { one: 12.5, two: 40 });
    assert.deepEqual(byContainer(page, 'sys'), { one: 12.5, two: 20 });
  });

  test('two containers with equal names are two series', async () => {
    await using host = await SteadyHost.start((proc) =>
      oneAndTwo(proc).map((one) => ({ ...one, hostname: 'node-1', name: 'proxy' })),
    );
    await host.sampleNext();
    await host.sampleNext();
    assert.deepEqual(byContainer(await host.cpuUtil.scrape(), 'total'), { one: 25, two: 60 });
  });

  test('the same samples give the same percentages, however often and when it is scraped', async () => {
    await using host = await SteadyHost.start();
    await host.sampleNext();
    await host.sampleNext();
    const scrapes = [];
    for (const by_seconds of [0, 0, 3, 6]) {
      await host.advance(by_seconds);
      const families = await host.cpuUtil.families();
      scrapes.push(families.filter(({ name }) => name.startsWith('huatuo_bamai_')));
    }
    for (const scrape of scrapes) assert.deepEqual(scrape, scrapes[0]);
  });

  test('gives no percentages before there are two samples, and that is no error', async () => {
    await using host = await SteadyHost.start();
    await host.advance(10);
    const withoutPercent = async (): Promise<void> => {
      const page = await host.cpuUtil.scrape();
      assert.ok(![...page.keys()].some((name) => name.startsWith('huatuo_bamai_')));
      assert.equal(sampleValue(page, 'huatuo_cpu_seconds_total', { cpu: '0', mode: 'idle' }), 5);
    };
    await withoutPercent();
    await host.cpuUtil.sample();
    await withoutPercent();
  });

  test('a container of one sample only, or one that cannot be read, is left out', async () => {
    await using host = await SteadyHost.start((proc) => [
      oneAndTwo(proc)[0],
      container('broken', { unified: proc.write('broken/cpu.stat', 'nonsense') }),
      container('gone', { unified: join(proc.directory, 'gone') }),
    ]);
    await host.sampleNext();
    await host.cpuUtil.containers.add(container('two', { unified: host.directory('v2') }));
    await host.sampleNext();
    const page = await host.cpuUtil.scrape();
    assert.deepEqual(Object.keys(byContainer(page, 'total')), ['one']);
    assert.equal(sampleValue(page, 'huatuo_bamai_cpu_util_total'), 50);
  });

  test('one that has ended uses nothing, also before the next sample', async () => {
    await using host = await SteadyHost.start();
    await host.sampleNext();
    await host.sampleNext();
    await host.cpuUtil.containers.remove(container('one', {}));
    assert.deepEqual(Object.keys(byContainer(await host.cpuUtil.scrape(), 'total')), ['two']);
  });

  test('its metrics pass promlint', async () => {
    await using host = await SteadyHost.start();
    await host.sampleNext();
    await host.sampleNext();
    assert.deepEqual(promlint(await host.cpuUtil.page()), []);
  });

  test('reads this host', async () => {
    await using cpuUtil = await CollectorHarness.load('cpu_util');
    await cpuUtil.sample();
    const page = await cpuUtil.scrape();
    assert.ok(samplesOf(page, 'huatuo_cpu_seconds_total', { mode: 'idle' }).every(({ value }) => value > 0));
  });
});

const ticks: fc.Arbitrary<CpuTicks> = fc
  .tuple(...CPU_MODES.map(() => fc.nat(1_000_000)))
  .map(
    (all) => Object.fromEntries(CPU_MODES.map((mode, index) => [mode, all[index]])) as unknown as CpuTicks,
  );

test('percentages of the host stay between 0 and 100, also when counters step back', () => {
  fc.assert(
    fc.property(ticks, ticks, (before, after) => {
      const percent = hostPercent(before, after);
      for (const value of Object.values(percent ?? {})) assert.ok(value >= 0 && value <= 100 + 1e-9);
    }),
  );
});

test('no time between two samples gives no percentage', () => {
  const idle = Object.fromEntries(CPU_MODES.map((mode) => [mode, 7])) as unknown as CpuTicks;
  assert.equal(hostPercent(idle, idle), undefined);
});

test('a container whose counters step back uses nothing', () => {
  const before = { total_ns: 10, user_ns: 5, system_ns: 5 };
  const after = { total_ns: 9, user_ns: 6, system_ns: 0 };
  assert.deepEqual(containerPercent(before, after, 100), { usr: 0, sys: 0, total: 0 });
});

test('ticks that are more than the nanoseconds are parts of these; fewer are left as they are', () => {
  const before = { total_ns: 0, user_ns: 0, system_ns: 0 };
  const more = { total_ns: 90, user_ns: 75, system_ns: 25 };
  assert.deepEqual(containerPercent(before, more, 100), { usr: 67.5, sys: 22.5, total: 90 });
  const fewer = { total_ns: 90, user_ns: 50, system_ns: 25 };
  assert.deepEqual(containerPercent(before, fewer, 100), { usr: 50, sys: 25, total: 90 });
});
