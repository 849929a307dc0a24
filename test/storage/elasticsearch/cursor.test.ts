import assert from 'node:assert/strict';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Cursor } from '../../../src/storage/elasticsearch/cursor.ts';
import { Doubts } from '../../../src/storage/elasticsearch/doubts.ts';
import { memoryLog, tempDirectory } from '../journal/fixture.ts';

const bookmark = { sequence: 41, segment: 0, offset: 4711, check: 7, checkBytes: 80 };

test('what was set is there for the next one, in a directory of its own', async () => {
  using temp = tempDirectory();
  const directory = join(temp.path, '.elasticsearch');
  const cursor = new Cursor(directory, memoryLog());
  assert.equal(cursor.get('oom'), undefined);
  await Promise.all(
    Array.from({ length: 50 }, (_, n) =>
      cursor.set('oom', { bookmark: { ...bookmark, sequence: n }, reserved: 100 }),
    ),
  );
  await cursor.set('softirq', { bookmark, reserved: 50 });
  const log = memoryLog();
  const next = new Cursor(directory, log);
  assert.deepEqual(next.get('oom'), { bookmark: { ...bookmark, sequence: 49 }, reserved: 100 });
  assert.deepEqual(next.get('softirq'), { bookmark, reserved: 50 });
  assert.deepEqual(log.lines, []);
  assert.deepEqual(readdirSync(directory), ['cursor.json']);
});

for (const text of ['', '{', '[]', 'null', '{"version":2,"streams":{}}', '{"version":1}', '\u0000\u0000'])
  test(`a cursor file with ${JSON.stringify(text)} is as none, and told of`, () => {
    using temp = tempDirectory();
    writeFileSync(join(temp.path, 'cursor.json'), text);
    const log = memoryLog();
    assert.equal(new Cursor(temp.path, log).get('oom'), undefined);
    assert.equal(log.lines.length, 1);
  });

test('entries of another shape are left out, the others stay', () => {
  using temp = tempDirectory();
  const streams = {
    good: { bookmark, reserved: 50 },
    negative: { bookmark: { ...bookmark, offset: -1 }, reserved: 50 },
    beyond: { bookmark: { ...bookmark, checkBytes: 5000 }, reserved: 50 },
    text: { bookmark, reserved: '50' },
    nothing: null,
  };
  writeFileSync(join(temp.path, 'cursor.json'), JSON.stringify({ version: 1, streams }));
  const cursor = new Cursor(temp.path, memoryLog());
  const known = Object.keys(streams).filter((tracer) => cursor.get(tracer));
  assert.deepEqual(known, ['good']);
});

test('doubts are ranges; many of them become one that forgets none', () => {
  const doubts = new Doubts();
  doubts.add(10, 20);
  doubts.add(30, 30);
  assert.deepEqual([doubts.touch(0, 10), doubts.touch(19, 25), doubts.touch(20, 40)], [false, true, false]);
  doubts.settle(20);
  assert.equal(doubts.touch(0, 100), false);
  for (let n = 0; n < 40; n++) doubts.add(100 * n, 100 * n + 1);
  for (let n = 0; n < 40; n++) assert.ok(doubts.touch(100 * n, 100 * n + 1));
});
