/** The tcp_retransmit collector against losses of our own, and against what the kernel counted of them. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { TestCgroup } from '../../support/cgroup.ts';
import { CollectorHarness } from '../../support/collector-harness.ts';
import { eventually } from '../../support/eventually.ts';
import { container } from '../../support/harness-containers.ts';
import { samplesOf, sampleValue } from '../../support/prometheus-text.ts';
import { type Loss, type Side, TcpPair } from '../../support/tcp-pair.ts';
import {
  assertClients,
  CONTAINER,
  DATA,
  type Document,
  type Reason,
  reasonsOf,
  SEGMENT_BYTES,
  Stage,
  skipWithoutRetransmits,
} from '../../support/tcp-stage.ts';
import { retryUnseen } from '../../support/unseen.ts';

const skip = skipWithoutRetransmits();
const EVER = 1 << 30;
describe('TCP retransmissions become documents', { skip }, () => {
  let collector: CollectorHarness;
  /** Segments of every document, by reason. */
  const written = new Map<Reason, number>();
  before(async () => {
    collector = await CollectorHarness.load('tcp_retransmit');
  });
  after(async () => {
    await collector[Symbol.asyncDispose]();
  });

  const complete = async (stage: Stage, side: Side): Promise<Document[]> => {
    const documents = await stage.complete(side);
    for (const [reason, segments] of reasonsOf(documents))
      written.set(reason, (written.get(reason) ?? 0) + segments);
    return documents;
  };

  for (const family of [4, 6] as const) {
    const lose = async (stage: Stage, loss: Loss): Promise<void> => stage.pair.server.lose(loss);

    test(`IPv${family}: a SYN without answer`, () =>
      retryUnseen(async () => {
        await using stage = await Stage.set(collector, family);
        await stage.listen();
        await lose(stage, { match: 'tcp.syn', first: 1, last: 1 });
        await stage.connect();
        const documents = await complete(stage, 'client');
        assertClients(stage, documents);
        const [{ data } = assert.fail()] = documents;
        const { tcp_reason, tcp_state, phase, event_type, tcp_flags, segments, skb_bytes, ca_state } = data;
        assert.deepEqual(
          { tcp_reason, tcp_state, phase, event_type, tcp_flags, segments, skb_bytes, ca_state },
          {
            tcp_reason: 'SYN',
            tcp_state: 'SYN_SENT',
            phase: 'connect',
            event_type: 'tcp_retransmit_skb',
            tcp_flags: 'S',
            segments: 1,
            skb_bytes: 0,
            ca_state: 'TCP_CA_Loss',
          },
        );
        assert.equal(documents.length, stage.pair.client.counter('TcpExtTCPSynRetrans'));
      }));

    test(`IPv${family}: a SYN-ACK whose answer is lost, told of the process that listens`, () =>
      retryUnseen(async () => {
        await using stage = await Stage.set(collector, family);
        await stage.listen();
        await lose(stage, { match: 'tcp.ack && !tcp.syn && payload == 0', first: 1, last: 1 });
        await stage.connect();
        const { client, server } = stage.pair;
        await eventually('the SYN-ACK to be sent again', () => server.counter('TcpExtTCPSynRetrans') > 0);
        const documents = await complete(stage, 'server');
        assert.deepEqual([...reasonsOf(documents)], [['SYN_ACK', server.counter('TcpExtTCPSynRetrans')]]);
        const [{ fields, data } = assert.fail()] = documents;
        assert.ok(!('container_id' in fields), 'the server is in no container');
        const { pid, tcp_saddr, tcp_daddr, tcp_sport, phase, event_type, tcp_flags } = data;
        assert.deepEqual(
          { pid, tcp_saddr, tcp_daddr, tcp_sport, phase, event_type, tcp_flags },
          {
            pid: server.pid,
            tcp_saddr: server.address(family),
            tcp_daddr: client.address(family),
            tcp_sport: 8080,
            phase: 'connect',
            event_type: 'tcp_retransmit_synack',
            tcp_flags: 'S.',
          },
        );
      }));

    test(`IPv${family}: expired timers while nothing gets through and the owner does not run, then slow start`, () =>
      retryUnseen(async () => {
        await using stage = await Stage.set(collector, family);
        const { client, server } = stage.pair;
        await client.ask({ verb: 'set', name: 'tcp_early_retrans', value: '0' });
        await stage.established();
        await lose(stage, { match: DATA, first: 1, last: EVER });
        await stage.send(4);
        client.signal('SIGSTOP');
        await eventually('the timer to expire twice', () => client.counter('TcpExtTCPTimeouts') >= 2);
        client.signal('SIGCONT');
        await server.loseNothing();
        await stage.arrived(5);
        const documents = await complete(stage, 'client');
        assertClients(stage, documents);
        const reasons = reasonsOf(documents);
        assert.equal(reasons.get('RTO'), client.counter('TcpExtTCPTimeouts'));
        assert.equal(reasons.get('slow_start') ?? 0, client.counter('TcpExtTCPSlowStartRetrans'));
        assert.equal(
          [...reasons.values()].reduce((sum, count) => sum + count, 0),
          client.counter('TcpRetransSegs'),
        );
        const first = documents[0]?.data;
        const last = documents.filter(({ data }) => data.tcp_reason === 'RTO').at(-1)?.data;
        assert.deepEqual(
          [first?.tcp_state, first?.phase, first?.ca_state],
          ['ESTABLISHED', 'data', 'TCP_CA_Loss'],
        );
        assert.ok(
          first && last && last.icsk_retransmits > first.icsk_retransmits,
          'expiries in a row are counted',
        );
      }));

    test(`IPv${family}: fast retransmit of one segment among many`, () =>
      retryUnseen(async () => {
        await using stage = await Stage.set(collector, family);
        const { client } = stage.pair;
        await stage.sendLosing({ first: 3, last: 3 }, 9);
        const documents = await complete(stage, 'client');
        assertClients(stage, documents);
        assert.deepEqual(
          [...reasonsOf(documents)],
          [['fast_retransmit', client.counter('TcpExtTCPFastRetrans')]],
        );
        const [{ data } = assert.fail()] = documents;
        assert.equal(data.ca_state, 'TCP_CA_Recovery');
        assert.equal(data.skb_bytes, SEGMENT_BYTES);
        assert.equal(data.tcp_end_seq - data.tcp_seq, SEGMENT_BYTES);
        assert.ok(data.srtt_ns! > 0);
      }));

    test(`IPv${family}: a loss probe for the tail`, () =>
      retryUnseen(async () => {
        await using stage = await Stage.set(collector, family);
        const { client } = stage.pair;
        await stage.sendLosing({ first: 3, last: 3 }, 3);
        const documents = await complete(stage, 'client');
        assertClients(stage, documents);
        assert.deepEqual([...reasonsOf(documents)], [['TLP', client.counter('TcpExtTCPLossProbes')]]);
        assert.equal(documents[0]?.data.icsk_pending, 'loss_probe');
      }));
  }

  test('the counters have every retransmission that has a document', async () => {
    const page = await collector.scrape();
    await collector.recordMaps();
    assert.ok(written.size >= 5, `${[...written.keys()]}`);
    for (const [reason, segments] of written) {
      const total = sampleValue(page, 'huatuo_tcp_retransmits_total', { reason: String(reason) });
      assert.ok(total >= segments, `${reason}: ${total} counted, ${segments} in documents`);
    }
  });
});

test('what the rate limit suppresses is counted by reason, and as rate limited', { skip }, () =>
  retryUnseen(async () => {
    await using collector = await CollectorHarness.load('tcp_retransmit', {
      options: { max_events_per_second_per_cpu: 1 },
    });
    await using stage = await Stage.set(collector, 4);
    const { client } = stage.pair;
    await stage.sendLosing({ first: 2, last: 8 }, 9);
    const documents = await stage.documents('client');
    const ledger = (await (await collector.ctx.bpf.load()).map('ledger').get(0)) as { rate_limited: number };
    assert.ok(ledger.rate_limited > 0, JSON.stringify(ledger));
    const series = samplesOf(await collector.scrape(), 'huatuo_tcp_retransmits_total');
    const counted = series.reduce((sum, { value }) => sum + value, 0);
    assert.ok(counted >= client.counter('TcpRetransSegs'), `${counted}`);
    assert.ok(documents.length < client.counter('TcpRetransSegs'));
  }),
);

test(
  'a connection that is older than the collector is not taken for another process, nor for the host',
  {
    skip,
  },
  () =>
    retryUnseen(async () => {
      await using cgroup = TestCgroup.make('memory', `/huatuo-tcp-${process.pid}`);
      await using pair = await TcpPair.open();
      cgroup.add(pair.client.pid);
      await pair.server.ask({ verb: 'listen', host: pair.server.address(4), port: 8080 });
      await pair.client.ask({ verb: 'connect', host: pair.server.address(4), port: 8080 });
      const containers = [container(CONTAINER, { memory: cgroup.path }, [cgroup.inode])];
      await using collector = await CollectorHarness.load('tcp_retransmit', { containers });
      await pair.server.lose({ match: DATA, first: 1, last: 1 });
      await pair.client.ask({ verb: 'write', segments: 1, bytes: SEGMENT_BYTES });
      const document = await eventually('the document of the retransmission', async () =>
        (await collector.documents()).find(({ data }) => data.net_namespace_inum === pair.client.netns),
      );
      const { pid, comm, cgroup_id, owner_known_by } = document.data;
      assert.deepEqual({ pid, comm }, { pid: undefined, comm: undefined });
      // The kernel itself knows the cgroup of a socket where memory is controlled by cgroup v2.
      const known = cgroup.version === 2;
      assert.equal(document.fields.container_id, known ? CONTAINER : undefined);
      assert.equal(cgroup_id, known ? Number(cgroup.inode) : undefined);
      if (!known) assert.equal(owner_known_by, 'unknown_owner');
    }),
);
