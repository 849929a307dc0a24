import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import fc from 'fast-check';
import {
  countCpuList,
  parseCpuMax,
  parseV1Use,
  parseV2Use,
  readCgroupCores,
  readCgroupCpuUse,
} from '../../src/procfs/cgroup-cpu.ts';
import { isGone } from '../../src/procfs/source.ts';

const unreadable = { code: 'SOURCE_UNREADABLE' };

test('v1 and v2 give nanoseconds', () => {
  assert.deepEqual(parseV1Use('user 250\nsystem 50\n', '3000000000\n'), {
    total_ns: 3e9,
    user_ns: 2.5e9,
    system_ns: 0.5e9,
  });
  assert.deepEqual(
    parseV2Use('usage_usec 3000\nuser_usec 2000\nsystem_usec 1000\ncore_sched.force_idle_usec 0\n'),
    {
      total_ns: 3e6,
      user_ns: 2e6,
      system_ns: 1e6,
    },
  );
});

test('a missing or broken value is refused', () => {
  assert.throws(() => parseV1Use('user 250\n', '1'), unreadable);
  assert.throws(() => parseV1Use('user 250\nsystem 1\n', ''), unreadable);
  assert.throws(() => parseV2Use('usage_usec -3\nuser_usec 2\nsystem_usec 1'), unreadable);
  assert.throws(() => parseV2Use(''), unreadable);
});

test('a CPU list is counted', () => {
  for (const [text, cpus] of [
    ['0', 1],
    ['0-3,8,10-11\n', 7],
    ['\n', 0],
  ] as const)
    assert.equal(countCpuList(text), cpus);
  for (const text of ['3-1', 'a', '1,,2', '-1']) assert.throws(() => countCpuList(text), unreadable);
});

test('a printed CPU list counts its CPUs', () => {
  const ranges = fc.array(fc.tuple(fc.nat(1000), fc.nat(50)), { minLength: 1 });
  fc.assert(
    fc.property(ranges, (list) => {
      const text = list
        .map(([first, more]) => (more === 0 ? `${first}` : `${first}-${first + more}`))
        .join(',');
      const expected = list.reduce((sum, [, more]) => sum + more + 1, 0);
      assert.equal(countCpuList(text), expected);
    }),
  );
});

test('cpu.max is quota by period', () => {
  assert.equal(parseCpuMax('max 100000\n'), Infinity);
  assert.equal(parseCpuMax('150000 100000\n'), 1.5);
  for (const text of ['', '100', '0 100000', '100 0', 'x y'])
    assert.throws(() => parseCpuMax(text), unreadable);
});

describe('of a cgroup directory', () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'huatuo-cgroup-'));
  });
  afterEach(() => rmSync(directory, { recursive: true }));
  const write = (files: Readonly<Record<string, string>>): void => {
    for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, name), text);
  };

  test('cores are the least of quota, cpuset and online CPUs (v2)', () => {
    write({ 'cpu.max': '250000 100000', 'cpuset.cpus.effective': '0-3' });
    assert.equal(readCgroupCores({ unified: directory }, 8), 2.5);
    write({ 'cpu.max': 'max 100000' });
    assert.equal(readCgroupCores({ unified: directory }, 8), 4);
    assert.equal(readCgroupCores({ unified: directory }, 2), 2);
  });

  test('cores are the least of quota, cpuset and online CPUs (v1)', () => {
    write({ 'cpu.cfs_quota_us': '-1\n', 'cpu.cfs_period_us': '100000\n', 'cpuset.effective_cpus': '0-1\n' });
    assert.equal(readCgroupCores({ cpu: directory, cpuset: directory }, 8), 2);
    write({ 'cpu.cfs_quota_us': '50000\n' });
    assert.equal(readCgroupCores({ cpu: directory, cpuset: directory }, 8), 0.5);
  });

  test('a quota above the cgroup holds for it, too', () => {
    const pod = (files: Readonly<Record<string, string>>): string => {
      write(files);
      const container = join(directory, 'container');
      mkdirSync(container, { recursive: true });
      return container;
    };
    const unified = pod({ 'cpu.max': '150000 100000' });
    writeFileSync(join(unified, 'cpu.max'), 'max 100000');
    assert.equal(readCgroupCores({ unified }, 8), 1.5);
    rmSync(join(unified, 'cpu.max'));
    assert.equal(readCgroupCores({ unified }, 8), 1.5, 'where the controller is not delegated to the cgroup');
    const cpu = pod({ 'cpu.cfs_quota_us': '120000\n', 'cpu.cfs_period_us': '100000\n' });
    writeFileSync(join(cpu, 'cpu.cfs_quota_us'), '40000\n');
    writeFileSync(join(cpu, 'cpu.cfs_period_us'), '20000\n');
    assert.equal(readCgroupCores({ cpu }, 8), 1.2);
  });

  test('without any controller the host counts', () => {
    assert.equal(readCgroupCores({}, 8), 8);
    assert.equal(readCgroupCpuUse({}), undefined);
  });

  test('a removed cgroup is told apart from a broken one', () => {
    assert.throws(() => readCgroupCpuUse({ unified: join(directory, 'gone') }), isGone);
    write({ 'cpu.stat': 'nonsense' });
    assert.throws(
      () => readCgroupCpuUse({ unified: directory }),
      (error) => !isGone(error),
    );
  });
});
