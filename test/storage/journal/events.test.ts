import assert from 'node:assert/strict';
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { HuatuoError } from '../../../src/error.ts';
import { type EventQuery, readEvents } from '../../../src/storage/journal/events.ts';
import { ofContainer, parseFilter } from '../../../src/storage/journal/filter.ts';
import { Journal } from '../../../src/storage/journal/journal.ts';
import { parseTime } from '../../../src/storage/journal/time.ts';
import { documentLines } from '../elasticsearch/fixture.ts';
import { journalOptions, memoryLog, segmentFiles, tempDirectory } from './fixture.ts';

async function read(
  directory: string,
  query: Partial<EventQuery>,
): Promise<{ pids: number[]; lost: number }> {
  const all: EventQuery = { tracers: [], conditions: [], follow: false, ...query };
  const pids: number[] = [];
  let lost = 0;
  for await (const chunk of readEvents(directory, all, AbortSignal.timeout(30_000))) {
    pids.push(
      ...chunk.events.map(({ line }) => JSON.parse(line.toString()).tracer_data.victim.pid as number),
    );
    lost += chunk.lost;
  }
  return { pids, lost };
}

test('documents of several tracers come in the order of their time, from compressed segments too', async () => {
  using temp = tempDirectory();
  const options = journalOptions(temp.path, { segment_bytes: 4000, segments: 1000, compression: 'sealed' });
  const journal = new Journal(options, memoryLog());
  for (let n = 0; n < 600; n += 3) {
    const tracer = ['oom', 'softirq', 'custom'][(n / 3) % 3] ?? '';
    journal.append(tracer, documentLines(n, 3, { tracer }), 3);
  }
  await journal.packed();
  const { pids, lost } = await read(temp.path, {});
  assert.deepEqual(
    pids,
    Array.from({ length: 600 }, (_, n) => n),
  );
  assert.equal(lost, 0);
  const some = await read(temp.path, {
    tracers: ['oom'],
    conditions: parseFilter('tracer_data.victim.pid < 20'),
  });
  assert.deepEqual(some.pids, [0, 1, 2, 9, 10, 11, 18, 19]);
  await journal.close();
});

test('times bound what is read', async () => {
  using temp = tempDirectory();
  const journal = new Journal(
    journalOptions(temp.path, { segment_bytes: 4000, segments: 1000 }),
    memoryLog(),
  );
  for (let n = 0; n < 100; n += 5) journal.append('oom', documentLines(n, 5), 5);
  const at_ms = 1_790_000_000_000;
  assert.equal((await read(temp.path, { since_ms: at_ms - 1 })).pids.length, 100);
  assert.equal((await read(temp.path, { since_ms: at_ms + 1 })).pids.length, 0);
  assert.equal((await read(temp.path, { until_ms: at_ms - 1 })).pids.length, 0);
  assert.equal((await read(temp.path, { until_ms: at_ms + 1 })).pids.length, 100);
  // Whole segments are passed over by the time of their last write, which is now.
  assert.equal((await read(temp.path, { since_ms: Date.now() + 60_000 })).pids.length, 0);
  await journal.close();
});

test('a journal that is not there has no documents', async () => {
  assert.deepEqual(await read('/nonexistent/journal', {}), { pids: [], lost: 0 });
});

describe('conditions', () => {
  const document = {
    severity: 'warning',
    container_id: '9625d05c04c6',
    container_name: 'shop-web',
    container_labels: { 'app.kubernetes.io/name': 'shop', 'shop.example.owner': 'Müller', 'shop.tier': 3 },
    tracer_data: {
      victim: { pid: 42, comm: 'a "b" c' },
      stack: ['one+0x1', 'two'],
      ratio: 0.5,
      total_vm_bytes: 52_428_801,
      duration_ns: 2_000_000_000,
      ok: true,
      none: null,
    },
  };
  const line = Buffer.from(JSON.stringify(document));
  const cases: readonly [string, boolean][] = [
    ['tracer_data.victim.pid == 42', true],
    ['tracer_data.victim.pid==42&&severity==warning', true],
    ['tracer_data.victim.pid == 4', false],
    ['tracer_data.victim.pid != 42', false],
    ['tracer_data.victim.nothing != 42', true],
    ['tracer_data.victim.pid >= 42', true],
    ['tracer_data.victim.pid > 42', false],
    ['tracer_data.ratio <= 0.5', true],
    ['tracer_data.victim.comm == "a \\"b\\" c"', true],
    ['tracer_data.victim.comm ~ b', true],
    ['tracer_data.stack == two', true],
    ['tracer_data.stack ~ one', true],
    ['tracer_data.stack == three', false],
    ['tracer_data.ok == true', true],
    ['tracer_data.none == null', true],
    ['container_labels.app.kubernetes.io == x', false],
    ['container_labels.shop.example.owner ~ ller', true],
    ['container_labels.shop.example.owner > A', true],
    ['container_labels.shop.example.owner == "Müller"', true],
    ['container_labels.shop.tier == 3', true],
    ['container_labels.shop.tier < 4', true],
    ['container_labels.example.owner ~ ller', false],
    ['severity == "warning && more"', false],
    ['severity > 3', false],
    ['tracer_data.total_vm_bytes > 50MiB', true],
    ['tracer_data.total_vm_bytes > 51MiB', false],
    ['tracer_data.duration_ns == 2s', true],
    ['tracer_data.duration_ns < 1999ms', false],
    ['tracer_data.victim.comm == 2s', false],
  ];
  for (const [text, expected] of cases)
    test(text, () => {
      const conditions = parseFilter(text);
      assert.equal(
        conditions.every((condition) => condition.meets(document)),
        expected,
      );
      // What is passed over unparsed would not have matched.
      if (expected)
        for (const { needles } of conditions)
          assert.ok(!needles || needles.some((needle) => line.includes(needle)));
    });

  test('containers are found by name and by the beginning of their id', () => {
    for (const [text, expected] of [
      ['shop-web', true],
      ['9625d', true],
      ['shop', false],
      ['625d', false],
    ] as const)
      assert.equal(ofContainer(text).meets(document), expected, text);
  });

  test('what no document can meet is told from what these do not', () => {
    const misfit = (text: string) => parseFilter(text)[0]?.misfit(document);
    assert.equal(misfit('nofield == 1'), 'no nofield');
    assert.equal(
      misfit('tracer_data.victim.pid > abc'),
      'tracer_data.victim.pid with a number, and not a text such as "abc"',
    );
    assert.equal(
      misfit('tracer_data.victim > 3'),
      'tracer_data.victim with fields of its own, and not a number such as 3',
    );
    for (const text of ['tracer_data.victim.pid == 4', 'tracer_data.stack == three', 'severity == info'])
      assert.equal(misfit(text), undefined, text);
    assert.equal(misfit('severity == critcal'), 'a severity of info, warning, critical, and never "critcal"');
    assert.equal(ofContainer('nosuch').misfit(document), 'no container called "nosuch"');
  });

  for (const text of [
    '',
    'pid',
    '== 4',
    'a == ',
    'a === 4 &&',
    'a === 4',
    'a == 1 || b == 2',
    'a < true',
    'a == "b',
    'a =~ b',
    `a == ${'x'.repeat(5000)}`,
    'a == "\\x"',
    "comm == 'tail'",
    'a == 1 b == 2',
    'a == "b" c',
    'a == b "c"',
    'a..b == 1',
    'a. == 1',
    'drop table events',
  ])
    test(`${JSON.stringify(text.slice(0, 20))} is refused`, () => {
      assert.throws(
        () => parseFilter(text),
        (error) => error instanceof HuatuoError && error.code === 'USAGE',
      );
    });

  test('times are durations or dates', () => {
    assert.equal(parseTime('15m', 1_000_000), 100_000);
    const [day_ms, now_ms] = [86_400_000, Date.UTC(2026, 10, 22)];
    assert.equal(parseTime('2600h', now_ms), now_ms - 2600 * 3_600_000);
    assert.equal(parseTime('3650d', now_ms), now_ms - 3650 * day_ms);
    assert.equal(parseTime('2026-11-22T19:49:44Z', 0), Date.UTC(2026, 10, 22, 19, 49, 44));
    for (const text of ['yesterday', '15', '2026', '']) assert.throws(() => parseTime(text, 0), HuatuoError);
  });
});

test('what others have written to a segment is no document', async () => {
  using temp = tempDirectory();
  const journal = new Journal(journalOptions(temp.path), memoryLog());
  journal.append('oom', documentLines(0, 2), 2);
  await journal.close();
  const [name = ''] = segmentFiles(temp.path, 'oom');
  const junk = ['zzz '.repeat(20), '{"pid":1,"more":"than a time and the beginning of a line"}', ''];
  appendFileSync(join(temp.path, 'oom', name), junk.map((line) => `${line}\n`).join(''));
  assert.deepEqual((await read(temp.path, {})).pids, [0, 1]);
});
