import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Journal } from '../../../src/storage/journal/journal.ts';
import { StreamReader } from '../../../src/storage/journal/reader.ts';
import { FORMS, parseSegmentName, segmentName } from '../../../src/storage/journal/segment.ts';
import { journalOptions, lines, memoryLog, streamText, tempDirectory } from './fixture.ts';

const FIXTURES = fileURLToPath(new URL('../../../../test/fixtures/journal/', import.meta.url));
const WHOLE = '{"n":0}\n{"n":1,"s":"zażółć"}\n';

const cases = [
  { fixture: 'no-newline-tail', left: WHOLE, torn_documents: 1, torn_bytes: 14 },
  { fixture: 'half-utf8-character', left: WHOLE, torn_documents: 1, torn_bytes: 13 },
  { fixture: 'zero-bytes', left: WHOLE, torn_documents: 1, torn_bytes: 300 },
  { fixture: 'zero-bytes-before-newline', left: WHOLE, torn_documents: 2, torn_bytes: 24 },
  { fixture: 'empty', left: '', torn_documents: 0, torn_bytes: 0 },
  { fixture: 'only-torn-line', left: '', torn_documents: 1, torn_bytes: 23 },
  { fixture: 'whole', left: WHOLE, torn_documents: 0, torn_bytes: 0 },
];

for (const { fixture, left, torn_documents, torn_bytes } of cases)
  test(`${fixture}: the torn end is cut and counted, whole lines stay, the next document has the next number`, async () => {
    using temp = tempDirectory();
    mkdirSync(join(temp.path, 'oom'));
    copyFileSync(join(FIXTURES, `${fixture}.ndjson`), join(temp.path, 'oom', segmentName(1000)));
    const journal = new Journal(journalOptions(temp.path), memoryLog());
    const status = journal.status().oom ?? assert.fail();
    assert.equal(streamText(temp.path, 'oom'), left);
    assert.equal(status.sequence, left === '' ? 1000 : 1002);
    assert.deepEqual([status.torn_documents, status.torn_bytes], [torn_documents, torn_bytes]);
    journal.append('oom', lines(1), 1);
    assert.equal(streamText(temp.path, 'oom'), left + lines(1).toString());
    await journal.close();
  });

const FIRST = '{"n":0}\n';
const ALL = '{"n":0}\n{"n":1,"s":"zażółć"}\n{"n":2}\n{"n":3}\n';

/** Three frames, with one document, two, and one; `numbered` are the numbers that are not given out again. */
const framed = [
  { fixture: 'whole', left: ALL, numbered: 4, torn_documents: 0, torn_bytes: 0 },
  { fixture: 'torn-frame', left: ALL.slice(0, -8), numbered: 3, torn_documents: 1, torn_bytes: 58 },
  { fixture: 'torn-prelude', left: ALL.slice(0, -8), numbered: 3, torn_documents: 1, torn_bytes: 17 },
  { fixture: 'zero-bytes', left: ALL, numbered: 4, torn_documents: 1, torn_bytes: 300 },
  {
    fixture: 'zero-bytes-behind-prelude',
    left: ALL.slice(0, -8),
    numbered: 3,
    torn_documents: 1,
    torn_bytes: 61,
  },
  { fixture: 'only-torn-frame', left: '', numbered: 0, torn_documents: 1, torn_bytes: 45 },
  { fixture: 'lines-not-frames', left: '', numbered: 0, torn_documents: 1, torn_bytes: 8 },
  // Frames behind them are whole: they stay, and so do all numbers.
  { fixture: 'zero-bytes-between-frames', left: `${FIRST}{"n":3}\n`, numbered: 4, lost_documents: 2 },
  { fixture: 'flipped-byte-in-frame', left: `${FIRST}{"n":3}\n`, numbered: 4, lost_documents: 2 },
  { fixture: 'flipped-byte-in-prelude', left: `${FIRST}{"n":3}\n`, numbered: 4, lost_documents: 2 },
];

for (const { fixture, left, numbered, torn_documents = 0, torn_bytes = 0, lost_documents = 0 } of framed)
  test(`live ${fixture}: the torn end is cut and counted, damaged frames are lost, the others stay, numbers go on`, async () => {
    using temp = tempDirectory();
    mkdirSync(join(temp.path, 'oom'));
    copyFileSync(
      join(FIXTURES, `${fixture}.live.ndjson.zst`),
      join(temp.path, 'oom', segmentName(1000, 'live')),
    );
    const options = journalOptions(temp.path, { compression: 'live' });
    const journal = new Journal(options, memoryLog());
    const status = journal.status().oom ?? assert.fail();
    assert.deepEqual([status.torn_documents, status.torn_bytes], [torn_documents, torn_bytes]);
    assert.deepEqual([status.sequence, status.lost_documents], [1000 + numbered, lost_documents]);
    journal.append('oom', lines(1, 9), 1);
    await journal.close();
    const reader = new StreamReader(join(temp.path, 'oom'), 'start');
    let [text, lost] = ['', 0];
    for (let block = await reader.next(); block; block = await reader.next()) {
      text += block.lines.toString();
      lost += block.lost;
    }
    const end = reader.place.sequence;
    await reader.close();
    assert.deepEqual([text, lost], [left + lines(1, 9).toString(), lost_documents]);
    assert.equal(end, 1000 + numbered + 1);
    const again = new Journal(options, memoryLog());
    assert.equal(again.status().oom?.lost_documents, lost_documents);
    await again.close();
  });

test('only the newest segment is touched', async () => {
  using temp = tempDirectory();
  mkdirSync(join(temp.path, 'oom'));
  writeFileSync(join(temp.path, 'oom', segmentName(0)), '{"torn":');
  writeFileSync(join(temp.path, 'oom', segmentName(9)), '{"n":9}\n');
  const journal = new Journal(journalOptions(temp.path), memoryLog());
  assert.equal(journal.status().oom?.sequence, 10);
  assert.equal(journal.status().oom?.torn_bytes, 0);
  assert.equal(streamText(temp.path, 'oom'), '{"torn":{"n":9}\n');
  await journal.close();
});

test('a segment longer than the read buffer is counted to the last line', async () => {
  using temp = tempDirectory();
  mkdirSync(join(temp.path, 'oom'));
  const whole = lines(40_000, 0, 60);
  const torn = `{"n":40000,"pad":"${'y'.repeat(200_000)}`;
  writeFileSync(join(temp.path, 'oom', segmentName(5)), Buffer.concat([whole, Buffer.from(torn)]));
  const journal = new Journal(journalOptions(temp.path), memoryLog());
  assert.equal(journal.status().oom?.sequence, 40_005);
  assert.equal(journal.status().oom?.torn_bytes, torn.length);
  assert.equal(journal.status().oom?.segment_bytes, whole.length);
  await journal.close();
});

test('names of segments sort as their numbers do and are read back', () => {
  const files = [0, 9, 10, 41_234, Number.MAX_SAFE_INTEGER].flatMap((first) =>
    FORMS.map((form) => ({ first, form })),
  );
  const names = files.map(({ first, form }) => segmentName(first, form));
  const sorted = names.toSorted().map((name) => Number.parseInt(name, 10));
  assert.deepEqual(
    sorted,
    files.map(({ first }) => first),
  );
  assert.deepEqual(names.map(parseSegmentName), files);
  for (const alien of [
    '1.ndjson',
    `${'9'.repeat(20)}.ndjson`,
    `${segmentName(1)}.gz`,
    segmentName(1).replace('n', 'N'),
  ])
    assert.equal(parseSegmentName(alien), undefined);
});
