import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BulkBuilder, readAnswer } from '../../../src/storage/elasticsearch/bulk.ts';
import { documentLine, documentLines } from './fixture.ts';

function built(lines: Buffer): BulkBuilder {
  const builder = new BulkBuilder(1 << 20, 10_000);
  builder.add(lines);
  return builder;
}

test('each document stands behind an action line with its id, byte by byte as in the journal', () => {
  const bulk = built(documentLines(0, 3, { data: { text: 'ü "quoted" \u0001' } })).finish();
  const lines = bulk.body.toString().split('\n');
  assert.equal(lines.length, 7);
  for (let n = 0; n < 3; n++) {
    const line = documentLine(n, { data: { text: 'ü "quoted" \u0001' } });
    const { event_id } = JSON.parse(line);
    assert.deepEqual(JSON.parse(lines[2 * n] ?? ''), { create: { _id: event_id } });
    assert.equal(`${lines[2 * n + 1]}\n`, line);
    assert.equal(bulk.id(n), event_id);
    assert.equal(`${bulk.document(n)}\n`, line);
  }
});

test('some of a bulk, and its halves, are bulks themselves', () => {
  const bulk = built(documentLines(0, 5)).finish();
  const some = bulk.pick([4, 1]);
  assert.deepEqual([some.length, some.id(0), some.id(1)], [2, bulk.id(4), bulk.id(1)]);
  assert.deepEqual(some.document(1), bulk.document(1));
  const halves = bulk.halves();
  assert.deepEqual(
    halves.map(({ length }) => length),
    [3, 2],
  );
  assert.equal(Buffer.concat(halves.map(({ body }) => body)).toString(), bulk.body.toString());
});

test('a builder takes as much as fits and says how much that was', () => {
  const lines = documentLines(0, 10);
  const builder = new BulkBuilder(lines.length / 4, 10_000);
  const taken = builder.add(lines);
  assert.ok(taken.lines > 1 && taken.lines < 6, `${taken.lines}`);
  assert.equal(taken.bytes, lines.indexOf('\n', taken.bytes - 1) + 1);
  assert.ok(builder.full);
  const few = new BulkBuilder(1 << 20, 3);
  assert.equal(few.add(lines).lines, 3);
});

test('a document that is longer than a load by itself is taken alone', () => {
  const builder = new BulkBuilder(1000, 10);
  const lines = documentLines(0, 2, { data: { pad: 'x'.repeat(5000) } });
  assert.equal(builder.add(lines).lines, 1);
});

const good = documentLine(1).trimEnd();
for (const [what, line] of [
  ['an empty line', ''],
  ['zeroes', '\u0000'.repeat(200)],
  ['the end of a document', good.slice(30)],
  ['its beginning', good.slice(0, 100)],
  ['another first field', good.replace('@timestamp', '@timestump')],
  ['an id with an escape', good.replace('-oom-', '-\\u0022-')],
  ['an id with a line end', good.replace('-oom-', '-\t-')],
  ['an id that does not end', `${good.slice(0, 60)}${'x'.repeat(1000)}"}`],
] as const)
  test(`${what} is damage, and its neighbours are not`, () => {
    const builder = built(Buffer.from(`${good}\n${line}\n${good}\n`));
    assert.equal(builder.documents, 2);
    assert.deepEqual(
      builder.damaged.map((damaged) => damaged.line.toString()),
      [line],
    );
  });

test('an answer without errors is not parsed; one with errors tells of each item', () => {
  assert.deepEqual(readAnswer(Buffer.from('{"errors":false,"items":[{{{]}\n'), 3), []);
  assert.equal(readAnswer(Buffer.from('{"errors":false,"items":[{{{'), 3), undefined, 'a part of one');
  assert.deepEqual(readAnswer(Buffer.from('{"took":7,"errors":false}'), 3), []);
  const items = [
    { create: { status: 201 } },
    { create: { status: 409, error: { type: 'version_conflict_engine_exception', reason: 'there' } } },
    { create: { status: 429 } },
  ];
  assert.deepEqual(readAnswer(Buffer.from(JSON.stringify({ errors: true, items })), 3), [
    { index: 1, status: 409, type: 'version_conflict_engine_exception', reason: 'there' },
    { index: 2, status: 429, type: '', reason: '' },
  ]);
});

for (const body of [
  '',
  '[]',
  'null',
  '{}',
  '<html>',
  '{"errors":true}',
  '{"errors":true,"items":[{}]}',
  '"errors":false',
])
  test(`${JSON.stringify(body)} is no answer to three documents`, () => {
    assert.equal(readAnswer(Buffer.from(body), 3), undefined);
  });
