import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { HuatuoError } from '../../src/error.ts';
import { parsePressure, readCgroupPressure, readHostPressure } from '../../src/procfs/pressure.ts';
import { FixtureProc } from '../support/fixture-proc.ts';

const SOME = 'some avg10=1.58 avg60=8.73 avg300=15.66 total=9481046633\n';
const FULL = 'full avg10=0.00 avg60=0.09 avg300=100.00 total=0\n';

test('shares of the time and totals of both kinds of stall', () => {
  assert.deepEqual(parsePressure(SOME + FULL), {
    some: { total_us: 9481046633, ratio: { 10: 0.0158, 60: 0.0873, 300: 0.1566 } },
    full: { total_us: 0, ratio: { 10: 0, 60: 0.0009, 300: 1 } },
  });
});

test('a kind that a kernel does not print is absent, one that it adds is ignored', () => {
  assert.deepEqual(Object.keys(parsePressure(FULL)), ['full']);
  assert.deepEqual(Object.keys(parsePressure(`most avg10=x\n${SOME}`)), ['some']);
  assert.deepEqual(parsePressure(SOME.replace(' total', ' avg900=1.00 total')), parsePressure(SOME));
});

test('the host as a whole has no full stall of its CPUs: the kernel prints zeroes there', () => {
  using proc = new FixtureProc();
  proc.write('pressure/cpu', SOME + FULL);
  proc.write('pressure/io', SOME + FULL);
  assert.deepEqual(Object.keys(readHostPressure(proc.directory, 'cpu') ?? {}), ['some']);
  assert.deepEqual(Object.keys(readHostPressure(proc.directory, 'io') ?? {}), ['some', 'full']);
  assert.equal(readHostPressure(proc.directory, 'irq'), undefined);
});

test('a cgroup may stall as a whole', () => {
  using proc = new FixtureProc();
  const cgroup = proc.write('web/cpu.pressure', SOME + FULL);
  assert.deepEqual(Object.keys(readCgroupPressure(cgroup, 'cpu') ?? {}), ['some', 'full']);
  assert.equal(readCgroupPressure(cgroup, 'memory'), undefined);
});

test('the error for a broken line names file and line', () => {
  assert.throws(() => parsePressure(`${SOME}full avg10=1.00\n`, '/proc/pressure/io'), {
    code: 'SOURCE_UNREADABLE',
    message: /\/proc\/pressure\/io:2/,
  });
});

test('hostile text gives numbers in range or a SOURCE_UNREADABLE', () => {
  const word = fc.oneof(fc.string(), fc.constantFrom('avg10=1.00', 'avg60=0.50', 'avg300=99.99', 'total=7'));
  const line = fc
    .tuple(fc.constantFrom('some', 'full', ''), fc.array(word, { maxLength: 6 }))
    .map(([kind, words]) => [kind, ...words].join(' '));
  fc.assert(
    fc.property(fc.array(line, { maxLength: 4 }), (lines) => {
      try {
        for (const { total_us, ratio } of Object.values(parsePressure(lines.join('\n')))) {
          assert.ok(total_us >= 0);
          for (const share of Object.values(ratio)) assert.ok(share >= 0 && share < 10);
        }
      } catch (error) {
        assert.ok(error instanceof HuatuoError && error.code === 'SOURCE_UNREADABLE');
      }
    }),
  );
});
