/** A connection whose server is in a container and receives late, and what the net_rx_latency collector writes of it. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { NetRxLatencyEvent } from '../../src/generated/net_rx_latency.ts';
import { skipWithoutController, TestCgroup } from './cgroup.ts';
import type { CollectorHarness } from './collector-harness.ts';
import { eventually } from './eventually.ts';
import { container } from './harness-containers.ts';
import type { JournalDocument } from './journal-reader.ts';
import { skipWithoutKernelType } from './kernel.ts';
import { type Family, skipWithoutTcpPair, TcpPair } from './tcp-pair.ts';

/** What the collector and these connections need. */
export function skipWithoutRxLatency(): string | false {
  return (
    skipWithoutKernelType('btf_trace_tcp_rcv_space_adjust') ||
    skipWithoutController('memory') ||
    skipWithoutTcpPair()
  );
}

export const SERVER_PORT = 8080;
export const SEGMENT_BYTES = 1000;

/** A container's id that no other stage of a test has. */
export const idOf = (family: Family, digit: string): string => `${digit}${family}`.repeat(32);

type RxDocument = JournalDocument & { readonly data: NetRxLatencyEvent };
export type RxStageName = Extract<NetRxLatencyEvent['latency_stage'], string>;

export class RxStage implements AsyncDisposable {
  readonly collector: CollectorHarness;
  readonly pair: TcpPair;
  readonly family: Family;
  /** The server's. */
  readonly container: string;
  readonly cgroup: TestCgroup;
  readonly #found: RxDocument[] = [];
  #sent_bytes = 0;

  /** @param container id of the server's; one of its own for each stage of a collector */
  static async set(collector: CollectorHarness, family: Family, id: string): Promise<RxStage> {
    const cgroup = TestCgroup.make('memory', `/huatuo-rx-${process.pid}-${id.slice(0, 8)}`);
    try {
      await collector.containers.add(container(id, { memory: cgroup.path }, [cgroup.inode]));
      const pair = await TcpPair.open();
      cgroup.add(pair.server.pid);
      return new RxStage(collector, family, id, cgroup, pair);
    } catch (error) {
      await cgroup[Symbol.asyncDispose]();
      throw error;
    }
  }

  private constructor(
    collector: CollectorHarness,
    family: Family,
    id: string,
    cgroup: TestCgroup,
    pair: TcpPair,
  ) {
    this.collector = collector;
    this.family = family;
    this.container = id;
    this.cgroup = cgroup;
    this.pair = pair;
  }

  get host(): string {
    return this.pair.server.address(this.family);
  }

  async connect(): Promise<void> {
    await this.pair.client.ask({ verb: 'connect', host: this.host, port: SERVER_PORT });
  }

  async established(): Promise<void> {
    await this.pair.server.ask({ verb: 'listen', host: this.host, port: SERVER_PORT });
    await this.connect();
  }

  async send(segments: number, bytes = SEGMENT_BYTES): Promise<void> {
    this.#sent_bytes += segments * bytes;
    await this.pair.client.ask({ verb: 'write', segments, bytes });
  }

  /** What was sent has been read by the server. */
  async read(): Promise<void> {
    await eventually(
      `${this.#sent_bytes} bytes to be read`,
      async () => (await this.pair.server.ask({ verb: 'received' })) === this.#sent_bytes,
    );
  }

  /** The server stops, segments arrive, and a while later it goes on. @returns for how long all of them lay there */
  async sendWhileStopped(segments: number, atLeast_ms: number): Promise<number> {
    const { server } = this.pair;
    server.signal('SIGSTOP');
    await eventually('the server to stop', () =>
      /\) T /.test(readFileSync(`/proc/${server.pid}/stat`, 'utf8')),
    );
    const before = server.counter('TcpInSegs');
    await this.send(segments);
    await eventually('the segments to arrive', () => server.counter('TcpInSegs') - before >= segments);
    const arrived = performance.now();
    await sleep(atLeast_ms);
    const waited_ms = performance.now() - arrived;
    server.signal('SIGCONT');
    await this.read();
    return waited_ms;
  }

  /** Documents about what the server has received, so far. */
  async documents(stage?: RxStageName): Promise<readonly RxDocument[]> {
    this.#found.push(...((await this.collector.documents()) as RxDocument[]));
    const { netns } = this.pair.server;
    return this.#found.filter(
      ({ data }) =>
        data.net_namespace_inum === netns && (stage === undefined || data.latency_stage === stage),
    );
  }

  /** Of the whole host. */
  async documentsOfHost(stage: RxStageName): Promise<number> {
    await this.documents();
    return this.#found.filter(({ data }) => data.latency_stage === stage).length;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.pair[Symbol.asyncDispose]();
    await this.cgroup[Symbol.asyncDispose]();
  }
}

/** What all documents about segments of the client have in common. */
export function assertFlow({ pair, family }: RxStage, { data, fields, text }: RxDocument): void {
  assert.equal(fields.severity, 'warning');
  assert.equal(data.tcp_saddr, pair.client.address(family), text);
  assert.equal(data.tcp_daddr, pair.server.address(family), text);
  assert.equal(data.tcp_dport, SERVER_PORT, text);
  assert.ok(data.tcp_sport > 0 && data.tcp_sport !== SERVER_PORT, text);
  assert.match(data.net_namespace_cookie, /^0x[1-9a-f]/, text);
  assert.ok(data.tcp_seq > 0 && data.tcp_ack_seq > 0, text);
  assert.ok(data.latency_ns >= data.threshold_ns, text);
}
