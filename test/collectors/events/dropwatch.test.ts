/** Records of a real kernel (dropwatch.kernel.test.ts) through the real decoder, without privileges. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import dropwatch from '../../../src/collectors/events/dropwatch.ts';
import type { DropwatchEvent } from '../../../src/generated/dropwatch.ts';
import { memoryLog } from '../../storage/journal/fixture.ts';
import { builtInProblems } from '../../support/document-schema.ts';
import { FRAMES } from '../../support/frame-samples.ts';
import { replay } from '../../support/ring-recording.ts';
import { segmentId } from '../../support/segment-id.ts';

/** The collector's `prepare` over a map that holds these reasons already, as a pinned one does; what it then does to it. */
async function prepared(held: readonly number[], suppress: readonly string[]): Promise<string[]> {
  const reasons = new Set(held);
  const done: string[] = [];
  const map = {
    async set(reason: number) {
      reasons.add(reason);
      done.push(`set ${reason}`);
    },
    async delete(reason: number) {
      reasons.delete(reason);
      done.push(`delete ${reason}`);
    },
    async *entries() {
      for (const reason of [...reasons]) yield [reason, 1];
    },
  };
  const object = { map: (name: string) => (name === 'packet_filter' ? { set: async () => undefined } : map) };
  const bpf = {
    packetFilter: async () => ({}),
    kernelEnum: async () => ({ 3: 'NO_SOCKET', 7: 'TCP_RESET' }),
  };
  const context = { bpf, options: { filter: '', suppress }, log: memoryLog() };
  assert.ok(dropwatch.kind === 'event');
  await dropwatch.prepare?.(object as never, context as never);
  assert.deepEqual(
    [...reasons].sort(),
    [3, 7].filter((_, index) => suppress.includes(['NO_SOCKET', 'TCP_RESET'][index]!)),
  );
  return done;
}

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

test('what a pinned object suppresses, and shall go on to, it suppresses at every moment of a start', async () => {
  assert.deepEqual(await prepared([3, 7, 9], ['NO_SOCKET', 'TCP_RESET']), ['set 3', 'set 7', 'delete 9']);
  assert.deepEqual(await prepared([3], ['TCP_RESET']), ['set 7', 'delete 3']);
});
