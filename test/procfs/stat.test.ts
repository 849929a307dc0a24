import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { HuatuoError } from '../../src/error.ts';
import { CPU_MODES, parseCpuStat, readCpuStat } from '../../src/procfs/stat.ts';

const unreadable = (error: unknown): boolean =>
  error instanceof HuatuoError && error.code === 'SOURCE_UNREADABLE';

test('CPU lines are taken, everything else is ignored', () => {
  const { total, cpus } = parseCpuStat(
    'cpu  1 2 3 4 5 6 7 8 9 10\ncpu0 1 2 3 4 5 6 7 8 9 10\ncpu12 10 20 30 40 50 60 70 80 0 0 77\nintr 5 6\ncpufreq x\n',
  );
  assert.deepEqual(total, { user: 1, nice: 2, system: 3, idle: 4, iowait: 5, irq: 6, softirq: 7, steal: 8 });
  assert.deepEqual([...cpus.keys()], [0, 12]);
  assert.equal(cpus.get(12)?.steal, 80);
});

test('the error for a cut line names file and line', () => {
  assert.throws(() => parseCpuStat('cpu  1 2 3 4 5 6 7 8\ncpu0 1 2 3', '/proc/stat'), {
    code: 'SOURCE_UNREADABLE',
    message: /\/proc\/stat:2/,
  });
});

test('text without CPU lines is refused', () => {
  for (const text of ['', 'cpu0 1 2 3 4 5 6 7 8', 'cpu  -1 2 3 4 5 6 7 8', 'cpu  1e3 2 3 4 5 6 7 8'])
    assert.throws(() => parseCpuStat(text), unreadable);
});

test('what is printed is parsed again, whatever fields and lines are added', () => {
  const ticks = fc.array(fc.nat(), { minLength: 8, maxLength: 14 });
  fc.assert(
    fc.property(ticks, fc.uniqueArray(fc.nat(4096), { maxLength: 8 }), ticks, (all, numbers, each) => {
      const lines = [
        `cpu  ${all.join(' ')}`,
        ...numbers.map((cpu) => `cpu${cpu} ${each.join(' ')}`),
        'btime 1',
      ];
      const { total, cpus } = parseCpuStat(`${lines.join('\n')}\n`);
      assert.deepEqual(Object.values(total), all.slice(0, CPU_MODES.length));
      assert.deepEqual([...cpus.keys()], numbers);
      for (const cpu of cpus.values()) assert.deepEqual(Object.values(cpu), each.slice(0, CPU_MODES.length));
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
