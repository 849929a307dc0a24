import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { CriticalLog } from '../../src/collector/critical-log.ts';
import { memoryLog } from '../storage/journal/fixture.ts';

const WINDOW_MS = 60_000;

function critical(t: TestContext): { readonly lines: readonly string[]; readonly log: CriticalLog } {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const memory = memoryLog();
  return { lines: memory.lines, log: new CriticalLog(memory, 'Something broke') };
}

const ndjson = (...documents: readonly object[]): Uint8Array =>
  Buffer.from(documents.map((document) => `${JSON.stringify(document)}\n`).join(''));

test('a line says what happened, in which container, and the short fields of the document', (t) => {
  const { lines, log } = critical(t);
  const data = {
    cgroup_id: 4711,
    episode_id: '0x12',
    stuck_ns: 5,
    victim: { pid: 42, comm: 'tail', cgroup_id: 1, cgroup: { path: '/x' } },
    stack: ['a+0x1'],
    partial: false,
  };
  log.say([ndjson({ container_name: 'shop-web', container_id: 'c'.repeat(64), tracer_data: data })], 1);
  assert.deepEqual(lines, [
    'warn critical: Something broke: in shop-web victim.pid=42 victim.comm=tail stuck_ns=5 partial=false',
  ]);
});

test('names that a process has chosen stay on their line and inside their quotes', (t) => {
  const { lines, log } = critical(t);
  const comm = 'a" b=c\n\u001b[31m\u202e';
  log.say([ndjson({ container_hostname: 'web\n7', tracer_data: { comm } })], 1);
  assert.deepEqual(lines, [
    'warn critical: Something broke: in "web\\n7" comm="a\\" b=c\\n\\u001b[31m\\u202e"',
  ]);
});

test('a document with many fields is cut between two of them', (t) => {
  const { lines, log } = critical(t);
  const data = Object.fromEntries(Array.from({ length: 99 }, (_, n) => [`field_${n}`, n]));
  log.say([ndjson({ tracer_data: data })], 1);
  assert.match(lines[0] ?? '', / field_\d+=\d+ …$/);
  assert.ok((lines[0] ?? '').length < 400);
});

test('a storm is five lines a minute, and how many more there were', (t) => {
  const { lines, log } = critical(t);
  const batch = ndjson(...Array.from({ length: 4 }, (_, n) => ({ tracer_data: { n } })));
  log.say([batch], 4);
  log.say([batch], 4);
  log.say([batch], 4);
  assert.deepEqual(
    lines.map((line) => line.replace(/.*: /, '')),
    ['n=0', 'n=1', 'n=2', 'n=3', 'n=0'],
  );
  t.mock.timers.tick(WINDOW_MS);
  assert.equal(lines.at(-1), 'warn critical: 7 more; see huatuo events');
  log.say([batch], 4);
  assert.equal(lines.length, 10);
  t.mock.timers.tick(WINDOW_MS);
  assert.equal(lines.length, 10);
});

test('a line that is no JSON costs its fields, not the collector', (t) => {
  const { lines, log } = critical(t);
  log.say([Buffer.from('{"tracer_data":undefined}\n')], 1);
  assert.deepEqual(lines, ['warn critical: Something broke:']);
});
