import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseLoadAverage, readLoadAverage } from '../../src/procfs/loadavg.ts';

test('the three averages are read, added fields are ignored', () => {
  assert.deepEqual(parseLoadAverage('0.05 1.30 120.00 1/88 5433 new\n'), {
    load1: 0.05,
    load5: 1.3,
    load15: 120,
  });
});

test('what is printed is parsed again', () => {
  const load = fc.nat(10_000_000).map((hundredths) => hundredths / 100);
  fc.assert(
    fc.property(load, load, load, (load1, load5, load15) => {
      const text = `${[load1, load5, load15].map((value) => value.toFixed(2)).join(' ')} 1/2 3\n`;
      assert.deepEqual(parseLoadAverage(text), { load1, load5, load15 });
    }),
  );
});

test('cut and hostile text is refused with its path', () => {
  for (const text of ['', '0.1', '0.1 0.2', '0.1 0.2 x', '-0.1 0.2 0.3', 'NaN 0.1 0.2', '0.1\n0.2\n0.3'])
    assert.throws(() => parseLoadAverage(text, '/proc/loadavg'), {
      code: 'SOURCE_UNREADABLE',
      message: /\/proc\/loadavg:1/,
    });
});

test('the host has load averages', () => {
  assert.ok(readLoadAverage('/proc').load15 >= 0);
});
