import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { limitRepeats } from '../src/log-limit.ts';
import type { Log } from '../src/sdk/context.ts';

function recorded(t: TestContext) {
  t.mock.timers.enable({ apis: ['setInterval'] });
  const lines: [string, string, object | undefined][] = [];
  const write = (level: string) => (message: string, detail?: object) =>
    void lines.push([level, message, detail]);
  const log: Log = { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') };
  return { lines, limited: limitRepeats(log, { interval_ms: 1000 }) };
}

test('a repeated line is written once and then as a count for each interval', (t) => {
  const { lines, limited } = recorded(t);
  using _ = limited;
  for (let n = 0; n < 5; n++) limited.warn('full', { n });
  limited.error('full');
  assert.deepEqual(lines, [
    ['warn', 'full', { n: 0 }],
    ['error', 'full', undefined],
  ]);
  t.mock.timers.tick(1000);
  assert.deepEqual(lines.slice(2), [['warn', 'full', { n: 4, suppressed: 4 }]]);
});

test('of two lines that take turns, the one that came last is summarised last', (t) => {
  const { lines, limited } = recorded(t);
  using _ = limited;
  for (const state of ['stopped', 'running', 'stopped', 'running', 'stopped']) limited.info(state);
  t.mock.timers.tick(1000);
  assert.deepEqual(
    lines.slice(2).map(([, message]) => message),
    ['running', 'stopped'],
  );
});

test('a line that was quiet for a whole interval is new again', (t) => {
  const { lines, limited } = recorded(t);
  using _ = limited;
  limited.info('up');
  t.mock.timers.tick(1000);
  limited.info('up', { again: true });
  assert.deepEqual(lines.at(-1), ['info', 'up', { again: true }]);
});

test('the count of a line that many others pushed out is not lost', (t) => {
  const { lines, limited } = recorded(t);
  using _ = limited;
  limited.warn('first');
  limited.warn('first');
  for (let n = 0; n < 256; n++) limited.warn(`other ${n}`);
  assert.deepEqual(lines.at(-1), ['warn', 'other 255', undefined]);
  assert.equal(lines.filter(([, message, detail]) => message === 'first' && detail !== undefined).length, 1);
});

test('the last counts are written when it is disposed', (t) => {
  const { lines, limited } = recorded(t);
  limited.debug('a');
  limited.debug('a');
  limited[Symbol.dispose]();
  assert.deepEqual(lines.at(-1), ['debug', 'a', { suppressed: 1 }]);
});
