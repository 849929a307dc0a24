import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { HuatuoError } from '../../src/error.ts';
import { parseCpuStat, parseKernelActivity, readCpuStat, readKernelActivity } from '../../src/procfs/stat.ts';

const unreadable = (error: unknown): boolean =>
  error instanceof HuatuoError && error.code === 'SOURCE_UNREADABLE';

test('CPU lines are taken, everything else is ignored', () => {
  const { total, cpus } = parseCpuStat(
    'cpu  1 2 3 4 5 6 7 8 9 10\ncpu0 1 2 3 4 5 6 7 8 9 10\ncpufreq x\ncpu12 10 20 30 40 50 60 70 80 0 9 77\nintr 5 6\n',
  );
  assert.deepEqual(total, {
    user: 1,
    nice: 2,
    system: 3,
    idle: 4,
    iowait: 5,
    irq: 6,
    softirq: 7,
    steal: 8,
    guest: 9,
    guest_nice: 10,
  });
  assert.deepEqual([...cpus.keys()], [0, 12]);
  assert.deepEqual([cpus.get(12)?.steal, cpus.get(12)?.guest_nice], [80, 9]);
});

test('the error for a cut line names file and line', () => {
  assert.throws(() => parseCpuStat('cpu  1 2 3 4 5 6 7 8 9 10\ncpu0 1 2 3', '/proc/stat'), {
    code: 'SOURCE_UNREADABLE',
    message: /\/proc\/stat:2/,
  });
});

test('text without CPU lines is refused', () => {
  for (const text of [
    '',
    'cpu0 1 2 3 4 5 6 7 8 9 10',
    'cpu  -1 2 3 4 5 6 7 8 9 10',
    'cpu  1e3 2 3 4 5 6 7 8 9 10',
  ])
    assert.throws(() => parseCpuStat(text), unreadable);
});

test('what is printed is parsed again, whatever fields and lines are added', () => {
  const ticks = fc.array(fc.nat(), { minLength: 10, maxLength: 14 });
  fc.assert(
    fc.property(ticks, fc.uniqueArray(fc.nat(4096), { maxLength: 8 }), ticks, (all, numbers, each) => {
      const lines = [
        `cpu  ${all.join(' ')}`,
        ...numbers.map((cpu) => `cpu${cpu} ${each.join(' ')}`),
        'btime 1',
      ];
      const { total, cpus } = parseCpuStat(`${lines.join('\n')}\n`);
      assert.deepEqual(Object.values(total), all.slice(0, 10));
      assert.deepEqual([...cpus.keys()], numbers);
      for (const cpu of cpus.values()) assert.deepEqual(Object.values(cpu), each.slice(0, 10));
    }),
  );
});

test('hostile text never throws anything else', () => {
  const line = fc.oneof(
    fc.string(),
    fc.string().map((rest) => `cpu ${rest}`),
    fc.string({ unit: 'binary' }),
  );
  fc.assert(
    fc.property(fc.array(line, { maxLength: 5 }), (lines) => {
      try {
        parseCpuStat(lines.join('\n'));
      } catch (error) {
        assert.ok(unreadable(error));
      }
    }),
  );
});

test('the host has at least one CPU with time', () => {
  const { total, cpus } = readCpuStat('/proc');
  assert.ok(cpus.size >= 1);
  assert.ok(total.user + total.system + total.idle > 0);
});

test('a missing file is named', () => {
  assert.throws(() => readCpuStat('/nonexistent'), {
    code: 'SOURCE_UNREADABLE',
    message: /\/nonexistent\/stat/,
  });
});

test('what the kernel has done is read behind a long line of interrupts', () => {
  const intr = `intr 7 ${'0 '.repeat(5000)}0`;
  const text = `cpu  1 2 3 4 5 6 7 8 9 10\n${intr}\nctxt 128794177\nbtime 1795641092\nprocesses 752489\nprocs_running 3\nprocs_blocked 1\nsoftirq 5 1 4\n`;
  assert.deepEqual(parseKernelActivity(text), {
    contextSwitches: 128794177,
    forks: 752489,
    booted_seconds: 1795641092,
    runnable: 3,
    blocked: 1,
  });
});

test('activity that is not told, or is no number, is absent', () => {
  assert.deepEqual(parseKernelActivity('cpu  1\nctxt x\nprocesses 5'), { forks: 5 });
  fc.assert(
    fc.property(fc.string(), fc.nat(), (before, forks) => {
      assert.equal(parseKernelActivity(`${before}\nprocesses ${forks}\n`).forks, forks);
    }),
  );
});

test('this host was started before now, and has made processes', () => {
  const { booted_seconds = 0, forks = 0 } = readKernelActivity('/proc');
  assert.ok(booted_seconds > 0 && booted_seconds < Date.now() / 1000);
  assert.ok(forks > 0);
});
