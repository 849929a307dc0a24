/** The softirq collector under load: with a threshold of a nanosecond, ordinary loopback traffic is late. */
import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import test from 'node:test';
import { CollectorHarness } from '../../support/collector-harness.ts';
import type { JournalDocument } from '../../support/journal-reader.ts';
import { skipWithoutBpf } from '../../support/kernel.ts';
import { samplesOf, sampleValue } from '../../support/prometheus-text.ts';
import { record } from '../../support/ring-recording.ts';

const skip = skipWithoutBpf();
const VECTORS = /^(HI|TIMER|NET_TX|NET_RX|BLOCK|IRQ_POLL|TASKLET|SCHED|HRTIMER|RCU)$/;
const FRAME = /^(\S+\+0x[0-9a-f]+|0x[0-9a-f]+)$/;

/** Sends datagrams to itself until `enough` says so: each raises NET_RX. */
async function traffic(enough: () => boolean): Promise<void> {
  const socket = createSocket('udp4');
  try {
    socket.bind(0, '127.0.0.1');
    await once(socket, 'listening');
    const { port } = socket.address();
    while (!enough()) {
      const got = once(socket, 'message');
      socket.send('x', port, '127.0.0.1');
      await got;
    }
  } finally {
    socket.close();
  }
}

const withVector = (documents: readonly JournalDocument[], vector: string): JournalDocument[] =>
  documents.filter(({ data }) => data.vector === vector);

test('late softirqs become documents with vector, CPU, thread and stack; the distribution is a histogram', {
  skip,
}, async () => {
  await using softirq = await CollectorHarness.load('softirq', {
    options: { threshold: '1ns', max_events_per_second_per_cpu: 20_000 },
  });
  let sent = 0;
  await traffic(() => ++sent > 20);
  record('softirq', softirq.records().slice(0, 5));
  const documents = await softirq.documents();
  assert.ok(withVector(documents, 'NET_RX').length > 0, 'the traffic has raised NET_RX');
  for (const { data, fields, text } of documents) {
    const { latency_ns, threshold_ns, vector, cpu, stack } = data as {
      latency_ns: number;
      threshold_ns: number;
      vector: string;
      cpu: number;
      stack: string[];
    };
    assert.equal(fields.severity, 'warning', text);
    assert.equal(threshold_ns, 1, text);
    assert.ok(Number.isSafeInteger(latency_ns) && latency_ns >= threshold_ns, text);
    assert.match(vector, VECTORS, text);
    assert.ok(Number.isInteger(cpu) && cpu >= 0, text);
    assert.ok(
      stack.every((frame) => FRAME.test(frame)),
      text,
    );
  }
  const symbols = documents.flatMap(({ data }) => data.stack as string[]);
  assert.ok(
    symbols.some((frame) => /softirq/.test(frame)),
    'stacks are resolved to symbols and lead through the softirq code',
  );

  const page = await softirq.scrape();
  const zones = samplesOf(page, 'huatuo_bamai_softirq_latency', { type: 'NET_RX' });
  assert.ok(zones.reduce((sum, { value }) => sum + value, 0) > 0);
  const count = sampleValue(page, 'huatuo_softirq_delay_seconds_count', { vector: 'NET_RX' });
  assert.equal(
    sampleValue(page, 'huatuo_softirq_delay_seconds_bucket', { vector: 'NET_RX', le: '+Inf' }),
    count,
  );
  assert.ok(
    count >= withVector(documents, 'NET_RX').length,
    'the histogram counts what has become a document',
  );
});

test('what the rate limit suppresses is counted: what was produced is documents, lost or suppressed', {
  skip,
}, async () => {
  await using softirq = await CollectorHarness.load('softirq', {
    options: { threshold: '1ns', max_events_per_second_per_cpu: 1 },
  });
  let sent = 0;
  await traffic(() => ++sent > 500);
  const object = await softirq.ctx.bpf.load();
  await object.detach();
  const { produced, dropped_ring_full, rate_limited } = (await object.map('ledger').get(0)) as {
    readonly produced: number;
    readonly dropped_ring_full: number;
    readonly rate_limited: number;
  };
  assert.ok(rate_limited > 0);
  const documents = await softirq.documents();
  assert.ok(documents.length > 0);
  assert.equal(produced, documents.length + dropped_ring_full + rate_limited);
});
