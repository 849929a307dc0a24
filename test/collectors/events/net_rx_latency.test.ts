/** Records of a real kernel (net_rx_latency.record.ts) through the real decoder, without privileges. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LookupKind } from '../../../src/decoder/lookup-kinds.ts';
import type { NetRxLatencyEvent } from '../../../src/generated/net_rx_latency.ts';
import { builtInProblems } from '../../support/document-schema.ts';
import { replay } from '../../support/ring-recording.ts';

function textOf(kind: LookupKind, key: bigint): string {
  if (kind.type === 'owner') return `,"container_id":"${'c'.repeat(64)}"`;
  if (kind.type === 'netns_owner') return '';
  return kind.type === 'netns' ? `"net:[${key}]"` : `"eth${key & 0xffffffffn}"`;
}

const documents = replay('net_rx_latency', textOf)
  .trimEnd()
  .split('\n')
  .map((line) => JSON.parse(line) as { container_id?: string; tracer_data: NetRxLatencyEvent });

test('each document is as declared', () => {
  for (const { tracer_data } of documents)
    assert.deepEqual(builtInProblems('net_rx_latency', tracer_data), []);
});

test('each stage is among them, over IPv4 and IPv6', () => {
  for (const version of [/^192\.0\.2\.1$/, /^2001:db8::1$/]) {
    const own = documents.filter(({ tracer_data }) => version.test(tracer_data.tcp_saddr));
    assert.deepEqual(
      new Set(own.map(({ tracer_data }) => tracer_data.latency_stage)),
      new Set(['RX_STAGE_NETIF', 'RX_STAGE_TCP', 'RX_STAGE_USERCOPY']),
    );
  }
});

test('the stack knows no owner, a reader is the process itself', () => {
  for (const { container_id, tracer_data } of documents) {
    const { latency_stage, pid, owner_known_by, tcp_state } = tracer_data;
    const isReader = latency_stage === 'RX_STAGE_USERCOPY';
    assert.equal(pid !== undefined, isReader);
    assert.equal(container_id !== undefined, latency_stage !== 'RX_STAGE_NETIF');
    assert.equal(tcp_state !== undefined, latency_stage !== 'RX_STAGE_NETIF');
    assert.equal(owner_known_by !== undefined, latency_stage === 'RX_STAGE_TCP');
  }
});
