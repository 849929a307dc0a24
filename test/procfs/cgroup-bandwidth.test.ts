import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseCgroupBandwidth, readCgroupBandwidth } from '../../src/procfs/cgroup-bandwidth.ts';
import { FixtureProc } from '../support/fixture-proc.ts';

/** Linux 4.18 with v1; 6.18 with kernel.sched_schedstats=1; 6.18 with v2. */
const V1_OLD = 'nr_periods 1742\nnr_throttled 12\nthrottled_time 345678901\n';
const V1 = `${V1_OLD}wait_sum 5555\nnr_bursts 3\nburst_time 2000\n`;
const V2 =
  'usage_usec 90\nuser_usec 60\nsystem_usec 30\nnice_usec 0\ncore_sched.force_idle_usec 0\nnr_periods 1742\nnr_throttled 12\nthrottled_usec 345678\nnr_bursts 3\nburst_usec 2\n';

test('v1 and v2 give the same numbers, in nanoseconds', () => {
  const common = { periods: 1742, throttledPeriods: 12, bursts: 3, burst_ns: 2000 };
  assert.deepEqual(parseCgroupBandwidth(V1), { ...common, throttled_ns: 345678901, wait_ns: 5555 });
  assert.deepEqual(parseCgroupBandwidth(V2), { ...common, throttled_ns: 345678000 });
});

test('what a kernel does not say is absent, never 0', () => {
  assert.deepEqual(Object.keys(parseCgroupBandwidth(V1_OLD)), [
    'periods',
    'throttledPeriods',
    'throttled_ns',
  ]);
  // A v2 cgroup without the cpu controller.
  assert.deepEqual(parseCgroupBandwidth('usage_usec 90\nuser_usec 60\nsystem_usec 30\n'), {});
});

test('on a hybrid host v1 is asked, where the controller is', () => {
  using proc = new FixtureProc();
  const cpu = proc.write('v1/cpu.stat', V1_OLD);
  const unified = proc.write('v2/cpu.stat', 'usage_usec 90\n');
  assert.equal(readCgroupBandwidth({ cpu, unified })?.periods, 1742);
  assert.deepEqual(readCgroupBandwidth({ unified }), {});
  assert.equal(readCgroupBandwidth({ memory: cpu }), undefined);
  assert.equal(readCgroupBandwidth({ cpu: `${cpu}/gone` }), undefined);
});

test('any text gives counts or nothing', () => {
  const line = fc.oneof(
    fc.string(),
    fc.constantFrom('nr_periods', 'throttled_usec', 'wait_sum').map((key) => `${key} -1`),
  );
  fc.assert(
    fc.property(fc.array(line), (lines) => {
      for (const value of Object.values(parseCgroupBandwidth(lines.join('\n')))) assert.ok(value >= 0);
    }),
  );
});
