/** Records of a real kernel (tcp_retransmit.record.ts) through the real decoder, without privileges. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LookupKind } from '../../../src/decoder/lookup-kinds.ts';
import type { TcpRetransmitEvent } from '../../../src/generated/tcp_retransmit.ts';
import { at } from '../../../src/paths.ts';
import { assertGolden } from '../../build/golden.ts';
import { builtInProblems } from '../../support/document-schema.ts';
import { replay } from '../../support/recording.ts';

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

test('records become the documents they did when they were made', () => {
  assertGolden(at('test/fixtures/records/tcp_retransmit.ndjson'), documents);
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
