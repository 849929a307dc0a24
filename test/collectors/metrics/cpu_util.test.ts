import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import fc from 'fast-check';
import cpuUtil, { containerPercent, hostPercent } from '../../../src/collectors/metrics/cpu_util.ts';
import type { StoredSample } from '../../../src/pool/file-task.ts';
import { CPU_MODES, type CpuTicks } from '../../../src/procfs/stat.ts';
import type { Container } from '../../../src/sdk/container.ts';
import { MetricsPage } from '../../../src/storage/prometheus/page.ts';
import { promlint } from '../../support/promlint.ts';
import { container, sampleContext, update, values } from './context.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'huatuo-cpu-'));
  mkdirSync(join(root, 'v1'));
  mkdirSync(join(root, 'v2'));
});
afterEach(() => rmSync(root, { recursive: true }));

/** Files of a two-CPU host with one container of each cgroup version, after `seconds` of a steady load. */
function hostAfter(seconds: number): void {
  const ticks = seconds * 100;
  const cpu = `${ticks / 4} 0 ${ticks / 4} ${ticks / 2} 0 0 0 0 0 0`;
  const both = `${ticks / 2} 0 ${ticks / 2} ${ticks} 0 0 0 0 0 0`;
  writeFileSync(join(root, 'stat'), `cpu  ${both}\ncpu0 ${cpu}\ncpu1 ${cpu}\n`);
  writeFileSync(join(root, 'v1/cpuacct.usage'), `${seconds * 5e8}\n`);
  writeFileSync(join(root, 'v1/cpuacct.stat'), `user ${ticks / 4}\nsystem ${ticks / 4}\n`);
  writeFileSync(
    join(root, 'v2/cpu.stat'),
    `usage_usec ${seconds * 3e5}\nuser_usec ${seconds * 2e5}\nsystem_usec ${seconds * 1e5}\n`,
  );
  writeFileSync(join(root, 'v2/cpu.max'), '50000 100000\n');
}

const containers = (): Container[] => [
  container('one', { cpuacct: join(root, 'v1') }),
  container('two', { unified: join(root, 'v2') }),
];

async function sampleAt(seconds: number, list = containers()): Promise<StoredSample> {
  hostAfter(seconds);
  assert.ok(cpuUtil.kind === 'metric' && cpuUtil.sample);
  const state: unknown = await cpuUtil.sample.take(sampleContext(root, list));
  // Samples cross threads.
  return { boottime_ns: BigInt(seconds) * 1_000_000_000n, state: structuredClone(state) };
}

describe('cpu_util', () => {
  test('gives percent of the host and of what each container may use', async () => {
    const samples = [await sampleAt(10), await sampleAt(20)];
    const families = await update('cpu_util', cpuUtil, sampleContext(root, containers()), samples);
    const percent = (name: string): Record<string, number> =>
      values(families, `huatuo_bamai_cpu_util_${name}`);
    assert.deepEqual(
      [percent('usr'), percent('sys'), percent('total')],
      [{ '': 25 }, { '': 25 }, { '': 50 }],
    );
    assert.deepEqual(percent('container_cores'), { 'name-one': 2, 'name-two': 0.5 });
    assert.deepEqual(percent('container_total'), { 'name-one': 25, 'name-two': 60 });
    assert.deepEqual(percent('container_usr'), { 'name-one': 12.5, 'name-two': 40 });
    assert.deepEqual(percent('container_sys'), { 'name-one': 12.5, 'name-two': 20 });
  });

  test('two containers with equal names are two series', async () => {
    const twins = containers().map((one) => ({ ...one, hostname: 'node-1', name: 'proxy' }));
    const samples = [await sampleAt(10, twins), await sampleAt(20, twins)];
    const families = await update('cpu_util', cpuUtil, sampleContext(root, twins), samples);
    const total = values(families, 'huatuo_bamai_cpu_util_container_total', 'container_id');
    assert.deepEqual(total, { one: 25, two: 60 });
  });

  test('the same samples give the same percentages, however often and when it is scraped', async () => {
    const samples = [await sampleAt(10), await sampleAt(20)];
    const scrapes = [];
    for (const now of [20, 20, 23, 29]) {
      hostAfter(now);
      const families = await update('cpu_util', cpuUtil, sampleContext(root, containers()), samples);
      scrapes.push(families.filter(({ name }) => name.startsWith('huatuo_bamai_')));
    }
    for (const scrape of scrapes) assert.deepEqual(scrape, scrapes[0]);
  });

  test('gives no percentages before there are two samples, and that is no error', async () => {
    const first = await sampleAt(10);
    for (const samples of [[], [first]]) {
      const families = await update('cpu_util', cpuUtil, sampleContext(root, containers()), samples);
      assert.ok(!families.some(({ name }) => name.startsWith('huatuo_bamai_')));
      assert.equal(values(families, 'huatuo_cpu_seconds_total', 'mode').idle, 5);
    }
  });

  test('a container of one sample only, or one that cannot be read, is left out', async () => {
    const broken = container('broken', { unified: root });
    writeFileSync(join(root, 'cpu.stat'), 'nonsense');
    const gone = container('gone', { unified: join(root, 'gone') });
    const [one, two] = containers() as [Container, Container];
    const samples = [await sampleAt(10, [one, broken, gone]), await sampleAt(20, [one, two, broken, gone])];
    const families = await update('cpu_util', cpuUtil, sampleContext(root, []), samples);
    assert.deepEqual(Object.keys(values(families, 'huatuo_bamai_cpu_util_container_total')), ['name-one']);
    assert.deepEqual(values(families, 'huatuo_bamai_cpu_util_total'), { '': 50 });
  });

  test('its metrics pass promlint', async () => {
    const samples = [await sampleAt(10), await sampleAt(20)];
    const page = new MetricsPage({ region: 'r', host: 'h' });
    const families = await update('cpu_util', cpuUtil, sampleContext(root, containers()), samples);
    assert.deepEqual(page.add('cpu_util', families), []);
    assert.deepEqual(promlint(await page.render()), []);
  });

  test('reads this host', async () => {
    const families = await update('cpu_util', cpuUtil, sampleContext('/proc', []));
    assert.ok((values(families, 'huatuo_cpu_seconds_total', 'mode').idle ?? 0) > 0);
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
  assert.deepEqual(containerPercent(before, after, 100), { usr: 1, sys: 0, total: 0 });
});
