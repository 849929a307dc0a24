/** The tcp_retransmit collector against losses of our own, and against what the kernel counted of them. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { TcpRetransmitEvent } from '../../../src/generated/tcp_retransmit.ts';
import { skipWithoutController, TestCgroup } from '../../support/cgroup.ts';
import { CollectorHarness } from '../../support/collector-harness.ts';
import { eventually } from '../../support/eventually.ts';
import { container } from '../../support/harness-containers.ts';
import type { JournalDocument } from '../../support/journal-reader.ts';
import { skipWithoutKernelType } from '../../support/kernel.ts';
import { samplesOf, sampleValue } from '../../support/prometheus-text.ts';
import { type Family, type Loss, type Side, skipWithoutTcpPair, TcpPair } from '../../support/tcp-pair.ts';

const skip =
  skipWithoutKernelType('btf_trace_tcp_retransmit_synack') ||
  skipWithoutController('memory') ||
  skipWithoutTcpPair();

const EVER = 1 << 30;
const DATA = 'payload > 0';
const SEGMENT_BYTES = 1000;
/** The container of the client. */
const CONTAINER = 'c'.repeat(64);

type Document = JournalDocument & { readonly data: TcpRetransmitEvent };
type Reason = TcpRetransmitEvent['tcp_reason'];

/** One collector, and for each test a new pair whose client is in a container. */
class Stage implements AsyncDisposable {
  readonly pair: TcpPair;
  readonly collector: CollectorHarness;
  readonly family: Family;
  readonly #cgroup: TestCgroup;
  readonly #documents: Document[] = [];

  static async set(collector: CollectorHarness, family: Family): Promise<Stage> {
    const cgroup = TestCgroup.make('memory', `/huatuo-tcp-${process.pid}`);
    try {
      await collector.containers.add(container(CONTAINER, { memory: cgroup.path }, [cgroup.inode]));
      const pair = await TcpPair.open();
      cgroup.add(pair.client.pid);
      // What earlier pairs have left.
      await collector.documents();
      return new Stage(collector, family, cgroup, pair);
    } catch (error) {
      await cgroup[Symbol.asyncDispose]();
      throw error;
    }
  }

  private constructor(collector: CollectorHarness, family: Family, cgroup: TestCgroup, pair: TcpPair) {
    this.collector = collector;
    this.family = family;
    this.#cgroup = cgroup;
    this.pair = pair;
  }

  async listen(): Promise<void> {
    const host = this.pair.server.address(this.family);
    await this.pair.server.ask({ verb: 'listen', host, port: 8080 });
  }

  async connect(): Promise<void> {
    const host = this.pair.server.address(this.family);
    await this.pair.client.ask({ verb: 'connect', host, port: 8080 });
  }

  async send(segments: number): Promise<void> {
    await this.pair.client.ask({ verb: 'write', segments, bytes: SEGMENT_BYTES });
  }

  async arrived(segments: number): Promise<void> {
    await eventually(
      `${segments} segments to arrive`,
      async () => (await this.pair.server.ask({ verb: 'received' })) === segments * SEGMENT_BYTES,
    );
  }

  /** A connection over which a first segment has gone, so that its round-trip time is known. */
  async established(): Promise<void> {
    await this.listen();
    await this.connect();
    await this.send(1);
    await this.arrived(1);
  }

  /** Documents about one end so far. */
  async documents(side: Side): Promise<Document[]> {
    this.#documents.push(...((await this.collector.documents()) as Document[]));
    const { netns } = this.pair[side];
    return this.#documents.filter(({ data }) => data.net_namespace_inum === netns);
  }

  /** All of them, once they are as many segments as the kernel has counted. */
  async complete(side: Side): Promise<Document[]> {
    const peer = this.pair[side];
    let found: readonly Document[] = [];
    return eventually(
      `a document of each retransmission of the ${side}`,
      async () => {
        const documents = await this.documents(side);
        found = documents;
        const segments = documents.reduce((sum, { data }) => sum + data.segments, 0);
        return segments === peer.counter('TcpRetransSegs') && documents;
      },
      {
        timeout_ms: 20_000,
        last: () =>
          `TcpRetransSegs ${peer.counter('TcpRetransSegs')}\n${found.map(({ text }) => text).join('\n')}`,
      },
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.pair[Symbol.asyncDispose]();
    await this.#cgroup[Symbol.asyncDispose]();
  }
}

const reasonsOf = (documents: readonly Document[]): Map<Reason, number> => {
  const counts = new Map<Reason, number>();
  for (const { data } of documents)
    counts.set(data.tcp_reason, (counts.get(data.tcp_reason) ?? 0) + data.segments);
  return counts;
};

/** The owner is the client, whatever task the timer or the packet has interrupted. */
function assertClients(stage: Stage, documents: readonly Document[]): void {
  const { client, server } = stage.pair;
  for (const { fields, data, text } of documents) {
    assert.equal(fields.container_id, CONTAINER, text);
    assert.equal(fields.severity, 'warning', text);
    assert.equal(data.pid, client.pid, text);
    assert.equal(data.tcp_saddr, client.address(stage.family), text);
    assert.equal(data.tcp_daddr, server.address(stage.family), text);
    assert.equal(data.tcp_dport, 8080, text);
    assert.ok(data.tcp_sport > 0 && data.tcp_sport !== 8080, text);
    assert.match(data.net_namespace_cookie, /^0x[1-9a-f]/, text);
    assert.match(data.skb_addr ?? '', /^0x[1-9a-f]/, text);
  }
}

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

    test(`IPv${family}: a SYN without answer`, async () => {
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
    });

    test(`IPv${family}: a SYN-ACK whose answer is lost, told of the process that listens`, async () => {
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
    });

    test(`IPv${family}: expired timers while nothing gets through and the owner does not run, then slow start`, async () => {
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
    });

    test(`IPv${family}: fast retransmit of one segment among many`, async () => {
      await using stage = await Stage.set(collector, family);
      const { client } = stage.pair;
      await stage.established();
      await lose(stage, { match: DATA, first: 3, last: 3 });
      await stage.send(9);
      await stage.arrived(10);
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
    });

    test(`IPv${family}: a loss probe for the tail`, async () => {
      await using stage = await Stage.set(collector, family);
      const { client } = stage.pair;
      await stage.established();
      await lose(stage, { match: DATA, first: 3, last: 3 });
      await stage.send(3);
      await stage.arrived(4);
      const documents = await complete(stage, 'client');
      assertClients(stage, documents);
      assert.deepEqual([...reasonsOf(documents)], [['TLP', client.counter('TcpExtTCPLossProbes')]]);
      assert.equal(documents[0]?.data.icsk_pending, 'loss_probe');
    });
  }

  test('the counters have every retransmission that has a document', async () => {
    const page = await collector.scrape();
    assert.ok(written.size >= 5, `${[...written.keys()]}`);
    for (const [reason, segments] of written) {
      const total = sampleValue(page, 'huatuo_tcp_retransmits_total', { reason: String(reason) });
      assert.ok(total >= segments, `${reason}: ${total} counted, ${segments} in documents`);
    }
  });
});

test('what the rate limit suppresses is counted by reason, and as rate limited', { skip }, async () => {
  await using collector = await CollectorHarness.load('tcp_retransmit', {
    options: { max_events_per_second_per_cpu: 1 },
  });
  await using stage = await Stage.set(collector, 4);
  const { client, server } = stage.pair;
  await stage.established();
  await server.lose({ match: DATA, first: 2, last: 8 });
  await stage.send(9);
  await stage.arrived(10);
  const documents = await stage.documents('client');
  const ledger = (await (await collector.ctx.bpf.load()).map('ledger').get(0)) as { rate_limited: number };
  assert.ok(ledger.rate_limited > 0, JSON.stringify(ledger));
  const series = samplesOf(await collector.scrape(), 'huatuo_tcp_retransmits_total');
  const counted = series.reduce((sum, { value }) => sum + value, 0);
  assert.ok(counted >= client.counter('TcpRetransSegs'), `${counted}`);
  assert.ok(documents.length < client.counter('TcpRetransSegs'));
});

test('a connection that is older than the collector is not taken for another process, nor for the host', {
  skip,
}, async () => {
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
});
