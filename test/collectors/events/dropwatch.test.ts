/** Records of a real kernel (dropwatch.kernel.test.ts) through the real decoder, without privileges. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DropwatchEvent } from '../../../src/generated/dropwatch.ts';
import { builtInProblems } from '../../support/document-schema.ts';
import { FRAMES } from '../../support/frame-samples.ts';
import { replay } from '../../support/ring-recording.ts';
import { segmentId } from '../../support/segment-id.ts';

const events = replay('dropwatch')
  .trimEnd()
  .split('\n')
  .map((line) => (JSON.parse(line) as { tracer_data: DropwatchEvent }).tracer_data);

test('records of a kernel become the golden documents, which are as declared', () => {
  assert.deepEqual(
    events.map(({ layers }) => layers?.label),
    Object.keys(FRAMES),
  );
  for (const event of events) assert.deepEqual(builtInProblems('dropwatch', event), []);
});

test('the id of a segment is that of the headers in the document', () => {
  for (const { layers, tcp_segment_id } of events) {
    const { ipv4, ipv6, tcp, label } = layers!;
    const ip = ipv4 ?? ipv6;
    const isNext = ipv4 || ipv6?.next_header === 'TCP';
    const expected = ip && tcp && isNext ? segmentId({ ...ip, ...tcp }) : undefined;
    assert.equal(tcp_segment_id, expected, label);
  }
});
