import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bytes, integer, keyword, list, optional, record, struct } from '../../src/sdk/index.ts';
import { documentProblems } from './document-schema.ts';

const DECLARED = {
  usage: bytes('Usage'),
  top: list(struct({ pid: integer('Process'), comm: optional(keyword('Name')) }), 'Processes'),
  stat: record(integer(''), 'Rows'),
};

test('a document that matches its declaration has no problems', () => {
  assert.deepEqual(
    documentProblems(DECLARED, {
      usage: 2n ** 60n,
      top: [{ pid: 1 }, { pid: 2, comm: 'a' }],
      stat: { a: 1 },
    }),
    [],
  );
});

test('what is missing, undeclared or of another type is named with its place', () => {
  assert.deepEqual(
    documentProblems(DECLARED, { usage: -1, top: [{ comm: 7 }], stat: { a: 1.5 }, more: true }),
    [
      'more: not declared',
      'usage: number instead of bytes',
      'top[0].pid: missing',
      'top[0].comm: number instead of keyword',
      'stat.a: number instead of integer',
    ],
  );
});
