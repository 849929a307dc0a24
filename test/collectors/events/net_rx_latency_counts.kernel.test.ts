/** The net_rx_latency collector's counts: each packet once in each stage, and what has no document or no time. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CollectorHarness } from '../../support/collector-harness.ts';
import { sampleValue } from '../../support/prometheus-text.ts';
import {
  assertFlow,
  idOf,
  RxStage,
  type RxStageName,
  SEGMENT_BYTES,
  skipWithoutRxLatency,
} from '../../support/rx-stage.ts';

const skip = skipWithoutRxLatency();
const EVERYTHING = {
  netif_threshold: '1ns',
  tcp_threshold: '1ns',
  usercopy_threshold: '1ns',
  max_events_per_second_per_cpu: 0,
};
/** A prime number: no multiple of what a batch, a window or a CPU has. */
const MESSAGES = 53;
/** Fewer than a new connection sends without an answer: they are not merged. */
const FIRST_WINDOW = 7;
const IP_HEADER_BYTES = { 4: 20, 6: 40 } as const;
const TCP_HEADER_BYTES = 32;

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

for (const family of [4, 6] as const) {
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
      RX_STAGE_NETIF: IP_HEADER_BYTES[family] + TCP_HEADER_BYTES + SEGMENT_BYTES,
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
    await collector.recordMaps();
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
