import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Journal } from '../../../src/storage/journal/journal.ts';
import { parseSegmentName, segmentName } from '../../../src/storage/journal/segment.ts';
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
  const numbers = [0, 9, 10, 41_234, Number.MAX_SAFE_INTEGER];
  const names = numbers.map((n) => segmentName(n));
  assert.deepEqual([...names].sort(), names);
  assert.deepEqual(
    names.map((name) => parseSegmentName(name)?.first),
    numbers,
  );
  for (const alien of [
    '1.ndjson',
    `${'9'.repeat(20)}.ndjson`,
    `${segmentName(1)}.gz`,
    segmentName(1).replace('n', 'N'),
  ])
    assert.equal(parseSegmentName(alien), undefined);
});
