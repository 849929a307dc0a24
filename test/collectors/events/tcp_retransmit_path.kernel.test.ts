/**
 * The reason `non_congestion`, of net/ipv4/tcp_input.c tcp_non_congestion_loss_retransmit(): its two callers are
 * tcp_rcv_fastopen_synack() and tcp_simple_retransmit().
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, describe, test } from 'node:test';
import { CollectorHarness } from '../../support/collector-harness.ts';
import { CompiledProgram } from '../../support/compiled-program.ts';
import { skipWithoutPrograms } from '../../support/container-programs.ts';
import { sampleValue } from '../../support/prometheus-text.ts';
import {
  assertClients,
  DATA,
  reasonsOf,
  SEGMENT_BYTES,
  Stage,
  skipWithoutRetransmits,
} from '../../support/tcp-stage.ts';

const LARGE_SEGMENT_BYTES = 1400;
/** IPv6 has none below 1280. */
const SMALL_MTU_BYTES = 1300;

describe('TCP retransmissions that are no sign of congestion', {
  skip: skipWithoutRetransmits() || skipWithoutPrograms('cc'),
}, () => {
  let collector: CollectorHarness;
  let counted = 0;
  before(async () => {
    collector = await CollectorHarness.load('tcp_retransmit');
  });
  after(async () => {
    await collector[Symbol.asyncDispose]();
  });

  /** The page has them, too: more than at the last call. */
  async function assertCounted(segments: number): Promise<void> {
    const page = await collector.scrape();
    const total = sampleValue(page, 'huatuo_tcp_retransmits_total', { reason: 'non_congestion' });
    // Of all network namespaces.
    assert.ok(total - counted >= segments, `${total - counted} counted, ${segments} in documents`);
    counted = total;
  }

  for (const family of [4, 6] as const) {
    test(`IPv${family}: the data of a SYN that the other end did not take`, async () => {
      using program = new CompiledProgram('fast_open');
      await using stage = await Stage.set(collector, family);
      const { client, server } = stage.pair;
      // Client, and without a cookie; the server takes no data with a SYN, as is the default.
      await client.ask({ verb: 'set', name: 'tcp_fastopen', value: '5' });
      await stage.listen();
      await client.run(program.path, server.address(family), '8080', '500');
      const documents = await stage.complete('client');
      assert.equal(client.counter('TcpExtTCPFastOpenActiveFail'), 1);
      assert.deepEqual([...reasonsOf(documents)], [['non_congestion', 1]]);
      await assertCounted(1);
      const [{ data } = assert.fail()] = documents;
      const { skb_bytes, ca_state, comm, owner_known_by } = data;
      assert.deepEqual(
        { skb_bytes, ca_state, comm, owner_known_by },
        { skb_bytes: 500, ca_state: 'TCP_CA_Loss', comm: 'fast_open', owner_known_by: 'connect_or_listen' },
      );
    });

    test(`IPv${family}: a segment that has become too large for the path`, async () => {
      using program = new CompiledProgram('packet_too_big');
      await using stage = await Stage.set(collector, family);
      const { client, server } = stage.pair;
      // So that no timer is faster than the router.
      const [version, network] = family === 4 ? ['-4', '192.0.2.0/24'] : ['-6', '2001:db8::/64 metric 256'];
      const route = `${version} route change ${network} dev ${client.device} rto_min 10s`;
      await client.run('ip', ...route.split(' '));
      await stage.established();
      const router = server.spawn(program.path, server.device, String(SMALL_MTU_BYTES));
      const ended = once(router, 'exit');
      try {
        await once(router.stdout!, 'data');
        await server.lose({ match: DATA, first: 1, last: 1 });
        await stage.send(1, LARGE_SEGMENT_BYTES);
        await stage.arrivedBytes(SEGMENT_BYTES + LARGE_SEGMENT_BYTES);
      } finally {
        router.kill('SIGKILL');
        await ended;
      }
      const documents = await stage.complete('client');
      assertClients(stage, documents);
      assert.deepEqual([...reasonsOf(documents).keys()], ['non_congestion']);
      const again_bytes = documents.reduce((sum, { data }) => sum + data.skb_bytes, 0);
      assert.equal(again_bytes, LARGE_SEGMENT_BYTES);
      const segments = documents.reduce((sum, { data }) => sum + data.segments, 0);
      assert.equal(segments, 2, 'it does not fit into one any more');
      await assertCounted(segments);
    });
  }
});
