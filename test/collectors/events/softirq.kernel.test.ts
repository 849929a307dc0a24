/** The softirq collector under load: with a threshold of a nanosecond, ordinary loopback traffic is late. */
import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import type { SoftirqEvent } from '../../../src/generated/softirq.ts';
import { CollectorHarness } from '../../support/collector-harness.ts';
import { eventually } from '../../support/eventually.ts';
import type { JournalDocument } from '../../support/journal-reader.ts';
import { skipWithoutBpf, skipWithoutKernelType } from '../../support/kernel.ts';
import { LoadedFixture } from '../../support/loaded-object.ts';
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
    const {
      latency_ns = 0,
      run_ns,
      run_threshold_ns,
      threshold_ns,
      vector,
      cpu,
      stack,
    } = data as unknown as SoftirqEvent;
    assert.equal(fields.severity, 'warning', text);
    assert.equal(threshold_ns, 1, text);
    assert.ok(latency_ns >= threshold_ns || run_ns >= run_threshold_ns, text);
    assert.match(String(vector), VECTORS, text);
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
  await softirq.recordMaps();
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

const LONG_NS = 50_000_000;
const [TIMER, NET_RX] = [1n, 3n];

test('a handler that runs for long becomes a document, also when it was served at once', {
  skip: skip || skipWithoutKernelType('bpf_loop'),
}, async () => {
  await using softirq = await CollectorHarness.load('softirq', {
    options: { threshold: '10s', run_threshold: '20ms' },
  });
  using handlers = await LoadedFixture.load('collectors/lockup', 'handlers', {
    of_softirq: NET_RX,
    duration_ns: BigInt(LONG_NS),
  });
  handlers.object.attach();
  await traffic(() => softirq.records().length > 0);
  const [document] = withVector(await softirq.documents(), 'NET_RX');
  assert.ok(document);
  const { latency_ns = 0, run_ns, run_threshold_ns } = document.data as unknown as SoftirqEvent;
  assert.ok(run_ns >= LONG_NS && run_threshold_ns === 20_000_000, document.text);
  assert.ok(latency_ns < 10_000_000_000, document.text);
  const page = await softirq.scrape();
  assert.ok(sampleValue(page, 'huatuo_softirq_run_seconds_sum', { vector: 'NET_RX' }) >= LONG_NS / 1e9);
});

test('what is raised again after it was taken is served twice: both count, and the wait of one is not known', {
  skip: skip || skipWithoutKernelType('bpf_loop'),
}, async () => {
  await using softirq = await CollectorHarness.load('softirq');
  // A tick raises both, and the next one raises SCHED again while the handler of TIMER runs.
  using handlers = await LoadedFixture.load('collectors/lockup', 'handlers', {
    of_softirq: TIMER,
    duration_ns: 15_000_000n,
    times: 1000n,
  });
  handlers.object.attach();
  await eventually('SCHED to be served without a raise', async () => {
    const page = await softirq.scrape();
    const count = (name: string): number => sampleValue(page, name, { vector: 'SCHED' });
    return count('huatuo_softirq_run_seconds_count') - count('huatuo_softirq_delay_seconds_count') > 5;
  });
});

/** By vector and CPU. */
type Served = ReadonlyMap<string, number>;

function servedByKernel(): Served {
  const [head = '', ...lines] = readFileSync('/proc/softirqs', 'utf8').trimEnd().split('\n');
  const cpus = head
    .trim()
    .split(/\s+/)
    .map((name) => name.slice('CPU'.length));
  return new Map(
    lines.flatMap((line) => {
      const [name = '', ...counts] = line.trim().split(/\s+/);
      return counts.map((count, index) => [`${name.slice(0, -1)} ${cpus[index]}`, Number(count)] as const);
    }),
  );
}

test('as many softirqs are served as the kernel counts, on each CPU and of each vector', {
  skip,
}, async () => {
  await using softirq = await CollectorHarness.load('softirq');
  await softirq.ctx.bpf.load();
  const served = async (): Promise<Served> => {
    const samples = samplesOf(await softirq.scrape(), 'huatuo_softirq_served_total');
    return new Map(samples.map(({ labels, value }) => [`${labels.vector} ${labels.cpu}`, value]));
  };
  // Each of our readings lies between two of the kernel's.
  const kernel = [servedByKernel()];
  const own = [await served()];
  kernel.push(servedByKernel());
  let sent = 0;
  await traffic(() => ++sent > 2000);
  kernel.push(servedByKernel());
  own.push(await served());
  kernel.push(servedByKernel());
  const since = (readings: readonly Served[], from: number, to: number, key: string): number =>
    (readings[to]!.get(key) ?? 0) - (readings[from]!.get(key) ?? 0);
  for (const key of own[1]!.keys()) {
    const [least, most] = [since(kernel, 1, 2, key), since(kernel, 0, 3, key)];
    const counted = since(own, 0, 1, key);
    assert.ok(counted >= least && counted <= most, `${key}: ${counted}, by the kernel ${least} to ${most}`);
  }
  assert.ok([...own[1]!].some(([key, count]) => key.startsWith('NET_RX') && count >= 1000));
});
