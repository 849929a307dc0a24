/** Connections that lose segments, and what the tcp_retransmit collector writes of them. */
import assert from 'node:assert/strict';
import type { TcpRetransmitEvent } from '../../src/generated/tcp_retransmit.ts';
import { skipWithoutController, TestCgroup } from './cgroup.ts';
import type { CollectorHarness } from './collector-harness.ts';
import { eventually } from './eventually.ts';
import { container } from './harness-containers.ts';
import type { JournalDocument } from './journal-reader.ts';
import { skipWithoutKernelType } from './kernel.ts';
import { type Family, type Side, skipWithoutTcpPair, TcpPair } from './tcp-pair.ts';

/** What the collector and these connections need. */
export function skipWithoutRetransmits(): string | false {
  return (
    skipWithoutKernelType('btf_trace_tcp_retransmit_synack') ||
    skipWithoutController('memory') ||
    skipWithoutTcpPair()
  );
}

/** Segments that carry data; see test/fixtures/tc/drop.c. */
export const DATA = 'payload > 0';
export const SEGMENT_BYTES = 1000;
/** The container of the client. */
export const CONTAINER = 'c'.repeat(64);

export type Document = JournalDocument & { readonly data: TcpRetransmitEvent };
export type Reason = TcpRetransmitEvent['tcp_reason'];

/** One collector, and for each test a new pair whose client is in a container. */
export class Stage implements AsyncDisposable {
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

  async send(segments: number, bytes = SEGMENT_BYTES): Promise<void> {
    await this.pair.client.ask({ verb: 'write', segments, bytes });
  }

  async arrived(segments: number): Promise<void> {
    await this.arrivedBytes(segments * SEGMENT_BYTES);
  }

  async arrivedBytes(bytes: number): Promise<void> {
    await eventually(
      `${bytes} bytes to arrive`,
      async () => (await this.pair.server.ask({ verb: 'received' })) === bytes,
    );
  }

  /** A connection over which a first segment has gone, so that its round-trip time is known. */
  async established(): Promise<void> {
    await this.listen();
    await this.connect();
    await this.send(1);
    await this.arrived(1);
  }

  /** Sends segments over a connection of which some are lost on their way to the server; all have arrived in the end. */
  async sendLosing(lost: { readonly first: number; readonly last: number }, segments: number): Promise<void> {
    await this.established();
    await this.pair.server.lose({ match: DATA, ...lost });
    await this.send(segments);
    await this.arrived(segments + 1);
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

/** Segments that were sent again, by reason. */
export function reasonsOf(documents: readonly Document[]): Map<Reason, number> {
  const counts = new Map<Reason, number>();
  for (const { data } of documents)
    counts.set(data.tcp_reason, (counts.get(data.tcp_reason) ?? 0) + data.segments);
  return counts;
}

/** The owner is the client, whatever task the timer or the packet has interrupted. */
export function assertClients(stage: Stage, documents: readonly Document[]): void {
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
