import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HuatuoError } from '../src/error.ts';
import { createLog, type LogFormat, type LogLevel, serializeError } from '../src/log.ts';

function recorded(level: LogLevel = 'info', format: LogFormat = 'json') {
  const lines: string[] = [];
  const log = createLog({ component: 'oom', level, format }, { write: (line: string) => lines.push(line) });
  return { log, lines };
}

test('a line is one JSON object with time, level, component, message and detail', () => {
  const { log, lines } = recorded();
  log.warn('ring is full', { dropped: 3, comm: 'a"\n\u001b[31m' });
  assert.equal(lines.length, 1);
  assert.match(lines[0] ?? '', /^\{[^\n]*\}\n$/);
  const { time, ...line } = JSON.parse(lines[0] ?? '');
  assert.match(time, /^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
  assert.deepEqual(line, {
    level: 'warn',
    component: 'oom',
    dropped: 3,
    comm: 'a"\n\u001b[31m',
    msg: 'ring is full',
  });
});

test('lines below the level are not written', () => {
  const { log, lines } = recorded('warn');
  log.debug('a');
  log.info('b');
  log.error('c');
  assert.equal(lines.length, 1);
});

test('an error is logged with code, remedy and causes, its stack only at debug', () => {
  const cause = Object.assign(new Error('no space'), { code: 'ENOSPC' });
  const error = new HuatuoError('JOURNAL_FAILED', {
    expected: 'a written batch',
    found: 'no space',
    remedy: 'free some',
    cause,
  });
  const { log, lines } = recorded();
  log.error('not written', { error });
  assert.deepEqual(JSON.parse(lines[0] ?? '').error, {
    code: 'JOURNAL_FAILED',
    message: error.message,
    remedy: 'free some',
    cause: { code: 'ENOSPC', message: 'no space' },
  });
  const debug = recorded('debug');
  debug.log.error('not written', { error });
  assert.match(JSON.parse(debug.lines[0] ?? '').error.stack, /log\.test/);
});

test('a message is said once: a cause that was wrapped is left out, unless it has a code, a cause, or a stack to show', () => {
  const wrapped = HuatuoError.from(new Error('boom'), 'COLLECTOR_FAILED', 'see its stack');
  assert.ok(!('cause' in serializeError(wrapped)));
  assert.match(serializeError(wrapped, true).cause?.stack ?? '', /log\.test/);
});

test('errors that crossed a thread, cycles and thrown values are logged too', () => {
  const wire = HuatuoError.toWire(new HuatuoError('WORKER_HUNG', { found: 'silence', remedy: 'wait' }));
  assert.deepEqual(serializeError(wire), { code: 'WORKER_HUNG', message: 'silence; wait', remedy: 'wait' });
  const cyclic = new Error('a');
  cyclic.cause = new Error('b', { cause: cyclic });
  assert.match(
    JSON.stringify(serializeError(cyclic)),
    /^(\{"message":"a","cause":\{"message":"b","cause":){2}\{"message":"a","cause":\{"message":"b"\}{6}$/,
  );
  assert.deepEqual(serializeError('text'), { message: 'text' });
  assert.deepEqual(serializeError({ odd: 1 }), { message: '{ odd: 1 }' });
});

test('pretty lines carry the component and no control characters', () => {
  const { log, lines } = recorded('info', 'pretty');
  log.info('exec \u001b]0;title\u0007 seen', { comm: '\u001b[31mred' });
  const text = lines.join('');
  assert.match(text, /INFO.*oom: exec/);
  assert.ok(!text.includes('\u001b') && !text.includes('\u0007'), JSON.stringify(text));
});
