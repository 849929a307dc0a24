/** A record as the program fills it, through the real decoder; netdev_txqueue_timeout.kernel.test.ts runs the program. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { builtInProblems } from '../../support/document-schema.ts';
import { eventRecord } from '../../support/event-record.ts';
import { decodeRecords } from '../../support/ring-recording.ts';

test('a queue that hangs becomes a critical document; a virtual device has no driver', () => {
  const values = { time: 5_000_000_000n, queue_index: 3, index: 2, net_namespace: 4_026_531_840 };
  const lines = decodeRecords('netdev_txqueue_timeout', [
    eventRecord('netdev_txqueue_timeout', { ...values, device_name: 'eth0', driver_name: 'ixgbe' }),
    eventRecord('netdev_txqueue_timeout', { ...values, device_name: 'nic"\n' }),
  ]);
  const documents = lines
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as { severity: string; tracer_data: Record<string, unknown> });
  for (const { severity, tracer_data } of documents) {
    assert.equal(severity, 'critical');
    assert.deepEqual(builtInProblems('netdev_txqueue_timeout', tracer_data), []);
  }
  assert.deepEqual(
    documents.map(({ tracer_data }) => [tracer_data.device_name, tracer_data.driver_name]),
    [
      ['eth0', 'ixgbe'],
      ['nic"\n', undefined],
    ],
  );
});
