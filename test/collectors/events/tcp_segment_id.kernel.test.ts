/** A segment that is dropped and sent again: dropwatch and tcp_retransmit tell of it by the same id, and of no other by that. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { parseFilter } from '../../../src/storage/journal/filter.ts';
import { CollectorHarness } from '../../support/collector-harness.ts';
import { eventually } from '../../support/eventually.ts';
import { skipWithoutKernelType } from '../../support/kernel.ts';
import type { Drop } from '../../support/packet-stage.ts';
import type { Family, Side } from '../../support/tcp-pair.ts';
import { type Document, Stage, skipWithoutRetransmits } from '../../support/tcp-stage.ts';
import { retryUnseen } from '../../support/unseen.ts';

const skip = skipWithoutRetransmits() || skipWithoutKernelType('skb_drop_reason');
const UNLIMITED = { options: { max_events_per_second_per_cpu: 0 } };

/** A pair whose losses both collectors tell of. */
class Lossy implements AsyncDisposable {
  readonly stage: Stage;
  readonly #dropwatch: CollectorHarness;
  readonly #drops: Drop[] = [];
  readonly #held: AsyncDisposableStack;

  private constructor(stage: Stage, dropwatch: CollectorHarness, held: AsyncDisposableStack) {
    this.stage = stage;
    this.#dropwatch = dropwatch;
    this.#held = held;
  }

  static async open(family: Family): Promise<Lossy> {
    await using held = new AsyncDisposableStack();
    const retransmits = held.use(await CollectorHarness.load('tcp_retransmit', UNLIMITED));
    const dropwatch = held.use(await CollectorHarness.load('dropwatch', UNLIMITED));
    const stage = held.use(await Stage.set(retransmits, family));
    return new Lossy(stage, dropwatch, held.move());
  }

  /** Documents of what was lost for a reason in the namespace of one end, once there are so many. */
  async drops(side: Side, reason: string, count: number): Promise<Drop[]> {
    const found = async (): Promise<false | Drop[]> => {
      this.#drops.push(...((await this.#dropwatch.documents()) as Drop[]));
      const drops = this.#drops.filter(
        ({ data }) => data.drop_reason === reason && data.net_namespace_inum === this.stage.pair[side].netns,
      );
      return drops.length >= count && drops;
    };
    return eventually(`${count} drops for ${reason}`, found, { timeout_ms: 20_000 });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#held.disposeAsync();
  }
}

function ids(documents: readonly (Drop | Document)[]): (string | undefined)[] {
  return documents.map(({ data }) => data.tcp_segment_id);
}

for (const family of [4, 6] as const) {
  test(`IPv${family}: one segment among many`, { skip }, () =>
    retryUnseen(async () => {
      await using lossy = await Lossy.open(family);
      const { stage } = lossy;
      await stage.sendLosing({ first: 3, last: 3 }, 9);
      const [drop, ...moreDrops] = await lossy.drops('server', 'TC_INGRESS', 1);
      const [again, ...more] = await stage.complete('client');
      assert.deepEqual([moreDrops.length, more.length], [0, 0]);
      assert.ok(drop && again);
      assert.match(again.data.tcp_segment_id, /^0x[1-9a-f][0-9a-f]*$/);
      assert.equal(drop.data.tcp_segment_id, again.data.tcp_segment_id);
      assert.equal(drop.data.layers?.tcp?.seq, again.data.tcp_seq);
      const [condition] = parseFilter(`tracer_data.tcp_segment_id == ${again.data.tcp_segment_id}`);
      for (const { text } of [drop, again]) assert.ok(condition?.meets(JSON.parse(text)), text);
      assert.notEqual(drop.data.packet_skb_addr, again.data.skb_addr, 'what is sent is a copy');
      // It was thrown away at the server's device, and is the client's.
      const { netdev_name, pid } = drop.data;
      assert.deepEqual([netdev_name, pid], ['far', stage.pair.client.pid], drop.text);
    }),
  );

  test(`IPv${family}: a tail that is lost until the timer sends it again`, { skip }, () =>
    retryUnseen(async () => {
      await using lossy = await Lossy.open(family);
      const { stage } = lossy;
      await stage.sendLosing({ first: 1, last: 3 }, 1);
      const drops = ids(await lossy.drops('server', 'TC_INGRESS', 3));
      const again = ids(await stage.complete('client'));
      assert.equal(new Set(drops).size, 1, `${drops}`);
      assert.deepEqual(new Set(again), new Set(drops), 'each time it is the same segment');
      assert.equal(again.length, 3);
    }),
  );

  test(`IPv${family}: a SYN, and the answer to one`, { skip }, () =>
    retryUnseen(async () => {
      await using lossy = await Lossy.open(family);
      const { client, server } = lossy.stage.pair;
      await lossy.stage.listen();
      await server.lose({ match: 'tcp.syn', first: 1, last: 1 });
      await lossy.stage.connect();
      const [syn] = await lossy.drops('server', 'TC_INGRESS', 1);
      assert.deepEqual(ids(await lossy.stage.complete('client')), [syn?.data.tcp_segment_id]);

      await server.loseNothing();
      await client.lose({ match: 'tcp.syn && tcp.ack', first: 1, last: 1 });
      await lossy.stage.connect();
      const [answer] = await lossy.drops('client', 'TC_INGRESS', 1);
      const again = await lossy.stage.complete('server');
      assert.ok(ids(again).includes(answer?.data.tcp_segment_id), JSON.stringify(ids(again)));
      assert.equal(answer?.data.layers?.tcp?.flags, 'S.');
    }),
  );
}

test(
  'a segment that a rule of nftables drops',
  {
    skip: skip || (spawnSync('nft', ['--version']).error ? 'this host has no nft' : false),
  },
  () =>
    retryUnseen(async () => {
      await using lossy = await Lossy.open(4);
      const { stage } = lossy;
      await stage.established();
      // The first that it matches, and no other for an hour.
      await stage.pair.server.run(
        'nft',
        'add table ip t; add chain ip t c { type filter hook input priority 0; }; ' +
          'add rule ip t c tcp dport 8080 ip length > 500 limit rate 1/hour burst 1 packets drop',
      );
      await stage.send(1);
      await stage.arrived(2);
      const [drop] = await lossy.drops('server', 'NETFILTER_DROP', 1);
      const again = await stage.complete('client');
      assert.deepEqual(ids(again), [drop?.data.tcp_segment_id]);
      assert.equal(drop?.data.layers?.tcp?.seq, again[0]?.data.tcp_seq);
    }),
);
