/** The net_rx_latency collector against packets that are late for real, in each place where they can be. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { CollectorHarness } from '../../support/collector-harness.ts';
import { CompiledProgram } from '../../support/compiled-program.ts';
import { skipWithoutPrograms } from '../../support/container-programs.ts';
import { eventually } from '../../support/eventually.ts';
import { sampleValue } from '../../support/prometheus-text.ts';
import {
  type RxDocument,
  RxStage,
  type RxStageName,
  SEGMENT_BYTES,
  SERVER_PORT,
  skipWithoutRxLatency,
} from '../../support/rx-stage.ts';

const skip = skipWithoutRxLatency();
const FAMILIES = [4, 6] as const;
const EVERYTHING = {
  netif_threshold: '1ns',
  tcp_threshold: '1ns',
  usercopy_threshold: '1ns',
  max_events_per_second_per_cpu: 0,
};
const THRESHOLDS_NS = {
  RX_STAGE_NETIF: 5_000_000,
  RX_STAGE_TCP: 10_000_000,
  RX_STAGE_USERCOPY: 115_000_000,
} as const;
/** A prime number: no multiple of what a batch, a window or a CPU has. */
const MESSAGES = 53;
/** Fewer than a new connection sends without an answer: they are not merged. */
const FIRST_WINDOW = 7;
const HEADER_BYTES = { 4: 20, 6: 40 } as const;
const TCP_HEADER_BYTES = 32;

const idOf = (family: 4 | 6, digit: string): string => `${digit}${family}`.repeat(32);

/** What all documents about segments of the client have in common. */
function assertFlow({ pair, family }: RxStage, { data, fields, text }: RxDocument): void {
  assert.equal(fields.severity, 'warning');
  assert.equal(data.tcp_saddr, pair.client.address(family), text);
  assert.equal(data.tcp_daddr, pair.server.address(family), text);
  assert.equal(data.tcp_dport, SERVER_PORT, text);
  assert.ok(data.tcp_sport > 0 && data.tcp_sport !== SERVER_PORT, text);
  assert.match(data.net_namespace_cookie, /^0x[1-9a-f]/, text);
  assert.ok(data.tcp_seq > 0 && data.tcp_ack_seq > 0, text);
  assert.ok(data.latency_ns >= data.threshold_ns, text);
}

describe('packets that are late at the default thresholds', { skip }, () => {
  let collector: CollectorHarness;
  before(async () => {
    collector = await CollectorHarness.load('net_rx_latency');
  });
  after(async () => {
    await collector[Symbol.asyncDispose]();
  });

  for (const family of FAMILIES) {
    test(`IPv${family}: a reader that does not run`, async () => {
      await using stage = await RxStage.set(collector, family, idOf(family, 'a'));
      await stage.established();
      await stage.documents();
      const started = performance.now();
      const waited_ms = await stage.sendWhileStopped(3, 200);
      const documents = await stage.documents('RX_STAGE_USERCOPY');
      const most_ns = (performance.now() - started) * 1e6;
      const { server } = stage.pair;
      for (const document of documents) {
        const { data, fields, text } = document;
        assertFlow(stage, document);
        assert.equal(fields.container_id, stage.container, text);
        assert.ok(data.latency_ns >= waited_ms * 1e6 && data.latency_ns <= most_ns, text);
        const { threshold_ns, packet_len_bytes, tcp_state, pid, owner_known_by } = data;
        assert.deepEqual(
          { threshold_ns, packet_len_bytes, tcp_state, pid, owner_known_by },
          {
            threshold_ns: THRESHOLDS_NS.RX_STAGE_USERCOPY,
            packet_len_bytes: SEGMENT_BYTES,
            tcp_state: 'ESTABLISHED',
            pid: server.pid,
            owner_known_by: undefined,
          },
        );
        assert.match(data.comm ?? '', /^node/);
      }
      const [first, last, ...more] = documents.map(({ data }) => data.tcp_seq);
      assert.ok(first !== undefined && last !== undefined && more.length === 0, 'the oldest and the newest');
      assert.equal((last - first) >>> 0, 2 * SEGMENT_BYTES);
    });

    test(`IPv${family}: segments that the device's driver holds back for others`, async () => {
      await using stage = await RxStage.set(collector, family, idOf(family, 'b'));
      await stage.holdInGro(20_000_000);
      await stage.established();
      await stage.documents();
      // More than the first window: its segments are full, and none of them asks to be pushed.
      await stage.send(1, 40_000);
      await stage.read();
      const documents = await stage.documents();
      for (const name of ['RX_STAGE_NETIF', 'RX_STAGE_TCP'] as const) {
        const late = documents.filter(
          ({ data }) => data.latency_stage === name && data.latency_ns >= 20_000_000,
        );
        assert.ok(late.length > 0, documents.map(({ text }) => text).join('\n'));
        for (const document of late) {
          assertFlow(stage, document);
          assert.equal(document.data.threshold_ns, THRESHOLDS_NS[name]);
          assert.ok(document.data.packet_len_bytes > 2000, 'segments are merged');
        }
      }
      const [socketless] = documents.filter(({ data }) => data.latency_stage === 'RX_STAGE_NETIF');
      const { tcp_state, pid, comm, cgroup_id, owner_known_by } = socketless?.data ?? assert.fail();
      assert.deepEqual(
        [tcp_state, pid, comm, cgroup_id, owner_known_by, socketless?.fields.container_id],
        new Array(6).fill(undefined),
        'the stack knows no socket, and no owner',
      );
    });

    test(`IPv${family}: a segment that waits for a locked socket`, {
      skip: skipWithoutPrograms('cc'),
    }, async () => {
      using program = new CompiledProgram('held_socket', '-pthread');
      await using stage = await RxStage.set(collector, family, idOf(family, 'c'));
      const enter = 'echo $$ > "$0/cgroup.procs" && exec "$@"';
      const command = ['sh', '-c', enter, stage.cgroup.path, program.path, stage.host, String(SERVER_PORT)];
      const reader = stage.pair.server.spawn(...command);
      const ended = once(reader, 'exit');
      const lines = createInterface({ input: reader.stdout! })[Symbol.asyncIterator]();
      const said = async (): Promise<unknown> => (await lines.next()).value;
      try {
        assert.equal(await said(), 'listening');
        await stage.connect();
        await stage.send(1);
        assert.equal(await said(), 'locked');
        await stage.documents();
        const { server } = stage.pair;
        const arrived = server.counter('TcpInSegs');
        await stage.send(1);
        await eventually('the segment to arrive', () => server.counter('TcpInSegs') > arrived);
        const locked = performance.now();
        await sleep(50);
        const waited_ms = performance.now() - locked;
        reader.kill('SIGUSR1');
        const document = await eventually('the document of the segment', async () =>
          (await stage.documents('RX_STAGE_TCP')).find(({ data }) => data.latency_ns >= waited_ms * 1e6),
        );
        assertFlow(stage, document);
        const { data, fields } = document;
        assert.equal(data.threshold_ns, THRESHOLDS_NS.RX_STAGE_TCP);
        assert.equal(data.packet_len_bytes, TCP_HEADER_BYTES + SEGMENT_BYTES);
        assert.equal(data.tcp_state, 'ESTABLISHED');
        assert.ok(data.owner_known_by === 'connect_or_listen' || data.owner_known_by === 'socket_memory');
        assert.equal(fields.container_id, stage.container);
        assert.equal(data.pid, undefined, 'whoever it has interrupted is not told');
      } finally {
        reader.kill('SIGKILL');
        await ended;
      }
    });

    test(`IPv${family}: a healthy exchange is in no document`, async () => {
      await using stage = await RxStage.set(collector, family, idOf(family, 'd'));
      await stage.established();
      // A machine that has no CPU for the server for a moment is one that the collector is for: then again.
      let known = (await stage.documents()).length;
      await eventually('an exchange without a document', async () => {
        for (let message = 0; message < MESSAGES; message++) {
          await stage.send(1);
          await stage.read();
        }
        const before = known;
        known = (await stage.documents()).length;
        return known === before;
      });
    });
  }
});

async function ledgerOf({ ctx }: CollectorHarness): Promise<Readonly<Record<string, number>>> {
  return (await (await ctx.bpf.load()).map('ledger').get(0)) as Record<string, number>;
}

/** With these thresholds each packet that is timed has a document, whosever it is; others come meanwhile. */
async function assertHistogram(stage: RxStage, name: RxStageName): Promise<void> {
  const least = await stage.documentsOfHost(name);
  const page = await stage.collector.scrape();
  const most = await stage.documentsOfHost(name);
  const { dropped_ring_full: dropped = 0 } = await ledgerOf(stage.collector);
  const counted = sampleValue(page, 'huatuo_net_rx_latency_seconds_count', { stage: name });
  const words = `${name}: ${least} ≤ ${counted} ≤ ${most} + ${dropped}`;
  assert.ok(least <= counted && counted <= most + dropped, words);
}

for (const family of FAMILIES) {
  test(`IPv${family}: each packet is timed once in each stage`, { skip }, async () => {
    await using collector = await CollectorHarness.load('net_rx_latency', { options: EVERYTHING });
    await using stage = await RxStage.set(collector, family, idOf(family, 'e'));
    await stage.established();
    await stage.documents();
    for (let message = 0; message < MESSAGES; message++) {
      await stage.send(1);
      await stage.read();
      await stage.documents();
    }
    const length_bytes = {
      RX_STAGE_NETIF: HEADER_BYTES[family] + TCP_HEADER_BYTES + SEGMENT_BYTES,
      RX_STAGE_TCP: TCP_HEADER_BYTES + SEGMENT_BYTES,
      RX_STAGE_USERCOPY: SEGMENT_BYTES,
    };
    for (const name of ['RX_STAGE_NETIF', 'RX_STAGE_TCP', 'RX_STAGE_USERCOPY'] as const) {
      const timed = (await stage.documents(name)).filter(
        ({ data }) => data.packet_len_bytes === length_bytes[name],
      );
      assert.equal(timed.length, MESSAGES, name);
      assert.equal(new Set(timed.map(({ data }) => data.tcp_seq)).size, MESSAGES, `${name}: each once`);
      for (const document of timed) assertFlow(stage, document);
    }
    const page = await collector.scrape();
    const own = { container_id: stage.container };
    assert.equal(sampleValue(page, 'huatuo_net_rx_container_segments_total', own), MESSAGES);
    const read_ns = (await stage.documents('RX_STAGE_USERCOPY')).reduce(
      (sum, { data }) => sum + Number(data.latency_ns),
      0,
    );
    const seconds = sampleValue(page, 'huatuo_net_rx_container_latency_seconds_total', own);
    assert.ok(Math.abs(seconds * 1e9 - read_ns) < 1, `${seconds} s are ${read_ns} ns`);
    await assertHistogram(stage, 'RX_STAGE_TCP');
    await assertHistogram(stage, 'RX_STAGE_USERCOPY');
  });
}

test('what the rate limit suppresses is in the histogram, and counted as rate limited', {
  skip,
}, async () => {
  await using collector = await CollectorHarness.load('net_rx_latency', {
    options: { ...EVERYTHING, max_events_per_second_per_cpu: 1 },
  });
  await using stage = await RxStage.set(collector, 4, idOf(4, 'f'));
  await stage.established();
  await stage.send(MESSAGES);
  await stage.read();
  const ledger = await ledgerOf(collector);
  assert.ok((ledger.rate_limited ?? 0) > 0, JSON.stringify(ledger));
  const page = await collector.scrape();
  const counted = sampleValue(page, 'huatuo_net_rx_latency_seconds_count', { stage: 'RX_STAGE_TCP' });
  const written = (await stage.documents('RX_STAGE_TCP')).length;
  assert.ok(written < counted, `${written} written, ${counted} counted`);
});

test('segments between the oldest and the newest of a queue are counted as not timed', { skip }, async () => {
  await using collector = await CollectorHarness.load('net_rx_latency');
  await using stage = await RxStage.set(collector, 6, idOf(6, '9'));
  await stage.established();
  await stage.sendWhileStopped(FIRST_WINDOW, 0);
  const page = await collector.scrape();
  const own = { container_id: stage.container };
  const timed = sampleValue(page, 'huatuo_net_rx_container_segments_total', own);
  const untimed = sampleValue(page, 'huatuo_net_rx_untimed_packets_total', { stage: 'RX_STAGE_USERCOPY' });
  assert.equal(timed, 2);
  // Of the whole host.
  assert.ok(untimed >= FIRST_WINDOW - timed, `${untimed}`);
});
