import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { partsOf } from '../../src/collector/parts.ts';
import type { Slice } from '../../src/collector/ring-reader.ts';
import { memoryLog } from '../storage/journal/fixture.ts';

/** A line of a record that starts at a position. */
function lineAt(position: bigint, bytes: number): Buffer {
  const id = `boot-oom-7-${position.toString(16).padStart(16, '0')}`;
  return Buffer.from(`{"event_id":"${id}","x":"${'y'.repeat(bytes)}"}\n`);
}

function sliceOf(sizes: readonly number[]): { readonly slice: Slice; readonly lines: readonly Buffer[] } {
  const lines = sizes.map((bytes, index) => lineAt(BigInt(index * 8), bytes));
  const slice = {
    lines: Buffer.concat(lines),
    documents: lines.length,
    malformed: 2,
    start: 0n,
    end: BigInt(sizes.length * 8),
    more: false,
    busy: false,
  };
  return { slice, lines };
}

test('a slice that fits is one batch, as it is', () => {
  const { slice } = sliceOf([10, 20]);
  const [part, ...more] = partsOf(slice, slice.lines, slice.lines.byteLength, memoryLog());
  assert.deepEqual(more, []);
  assert.deepEqual(part?.lines, [slice.lines]);
  assert.equal(part?.documents, 2);
});

test('parts are ranges that follow each other, none is too large, and each document is in one or counted', () => {
  const sizes = fc.array(fc.integer({ min: 0, max: 300 }), { minLength: 1, maxLength: 20 });
  fc.assert(
    fc.property(sizes, fc.boolean(), (sizes, joined) => {
      const limit = 200;
      const { slice, lines } = sliceOf(sizes);
      const log = memoryLog();
      const parts = [...partsOf(slice, joined ? slice.lines : lines, limit, log)];
      let position = 0n;
      for (const { start, end, bytes } of parts) {
        assert.equal(start, position);
        assert.ok(bytes <= limit);
        position = end;
      }
      assert.equal(position, slice.end);
      const sum = (field: 'documents' | 'oversized' | 'malformed'): number =>
        parts.reduce((total, part) => total + part[field], 0);
      const fitting = lines.filter(({ byteLength }) => byteLength <= limit);
      assert.deepEqual(Buffer.concat(parts.flatMap((part) => part.lines)), Buffer.concat(fitting));
      assert.equal(sum('documents'), fitting.length);
      assert.equal(sum('oversized'), lines.length - fitting.length);
      assert.equal(sum('malformed'), 2);
      assert.equal(log.lines.length, sum('oversized'));
    }),
  );
});
