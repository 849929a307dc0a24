/** Records of a real kernel (tcp_retransmit.record.ts) through the real decoder, without privileges. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LookupKind } from '../../../src/decoder/lookup-kinds.ts';
import type { TcpRetransmitEvent } from '../../../src/generated/tcp_retransmit.ts';
import { builtInProblems } from '../../support/document-schema.ts';
import { replay } from '../../support/ring-recording.ts';
import { segmentId } from '../../support/segment-id.ts';

const CA_STATES = ['Open', 'Disorder', 'CWR', 'Recovery', 'Loss'];

function textOf(kind: LookupKind, key: bigint): string {
  if (kind.type === 'owner') return `,"container_id":"${'c'.repeat(64)}"`;
  if (kind.type === 'netns') return `"net:[${key}]"`;
  return `"TCP_CA_${CA_STATES[Number(key)]}"`;
}

const documents = replay('tcp_retransmit', textOf);
const events = documents
  .trimEnd()
  .split('\n')
  .map((line) => (JSON.parse(line) as { tracer_data: TcpRetransmitEvent }).tracer_data);

test('each document is as declared', () => {
  for (const event of events) assert.deepEqual(builtInProblems('tcp_retransmit', event), []);
});

test('each way to retransmit is among them, over IPv4 and IPv6, and told of its owner', () => {
  for (const version of [/^192\.0\.2\./, /^2001:db8::/]) {
    const own = events.filter(({ tcp_saddr }) => version.test(tcp_saddr));
    assert.deepEqual(
      new Set(own.map(({ tcp_reason }) => tcp_reason)),
      new Set(['SYN', 'SYN_ACK', 'RTO', 'slow_start', 'fast_retransmit', 'TLP']),
    );
    assert.ok(
      own.every(({ pid, owner_known_by }) => pid !== undefined && owner_known_by === 'connect_or_listen'),
    );
  }
});

test('the id of a segment is that of its addresses, ports and sequence number', () => {
  for (const { tcp_saddr, tcp_daddr, tcp_sport, tcp_dport, tcp_seq, tcp_segment_id } of events) {
    const flow = { saddr: tcp_saddr, daddr: tcp_daddr, sport: tcp_sport, dport: tcp_dport, seq: tcp_seq };
    assert.equal(tcp_segment_id, segmentId(flow));
  }
});
