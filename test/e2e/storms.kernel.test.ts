/** A storm of a collector's own events, without its rate limit: what is lost is counted, and another collector loses nothing. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import test from 'node:test';
import { promisify } from 'node:util';
import { at } from '../../src/paths.ts';
import type { StatusDocument } from '../../src/web/status.ts';
import { AgentProcess } from '../support/agent.ts';
import { CompiledProgram } from '../support/compiled-program.ts';
import { skipWithoutPrograms } from '../support/container-programs.ts';
import { builtCollectors, FLOOD_CONFIG } from '../support/flood.ts';
import { skipWithoutKernelType } from '../support/kernel.ts';
import { Producer } from '../support/producer.ts';
import { sampleValue } from '../support/prometheus-text.ts';
import { settledAccount } from '../support/ring-account.ts';

const skip = skipWithoutKernelType('skb_drop_reason') || skipWithoutPrograms('cc');
const run = promisify(execFile);

const STORM = { per_second: 100_000, seconds: 2 };
const NEIGHBOUR = { collector: 'flood', events: 40, every_ms: 20 };
/** The least buffer of a socket holds a few datagrams, and each of two senders has one. */
const HELD = 100;

/** Datagrams that are dropped, each after a softirq, while the neighbour makes its events. */
async function storm(): Promise<{ readonly sent: number; readonly neighbour: number }> {
  using program = new CompiledProgram('storm', '-O2');
  using neighbour = new Producer(NEIGHBOUR);
  const { stdout } = await run(program.path, ['drop', String(STORM.per_second), String(STORM.seconds)]);
  neighbour[Symbol.dispose]();
  return { sent: Number(stdout), neighbour: neighbour.made };
}

const UNLIMITED = { max_events_per_second_per_cpu: 0 };
for (const { collector, options, isOneEach } of [
  {
    collector: 'dropwatch',
    options: {},
    isOneEach: true,
  },
  // Datagrams that come while ksoftirqd is at work share one.
  { collector: 'softirq', options: { threshold: '1ns' }, isOneEach: false },
] as const) {
  test(`a storm for ${collector} is accounted for event by event, and its neighbour loses nothing`, {
    skip,
  }, async () => {
    const neighbours = await builtCollectors('collectors');
    await using agent = await AgentProcess.start({
      only: [collector, 'flood'],
      collectors: neighbours,
      config: {
        journal: { segment_size: '16MiB', segments: 4 },
        collectors: {
          [collector]: { ...options, ...UNLIMITED, cpu: { quota: '5%' } },
          flood: FLOOD_CONFIG,
        },
      },
    });
    const { sent, neighbour } = await storm();
    assert.ok(neighbour > 0 && sent > 0);
    const status = (): Promise<StatusDocument> => agent.status();
    const own = await settledAccount(status, collector, at('dist/bpf'));
    const other = await settledAccount(status, 'flood', neighbours);
    assert.deepEqual([own.missing, other.missing], [0, 0], JSON.stringify({ own, other }));
    assert.notEqual(own.ledger.journalled, '0');
    assert.equal(own.ledger.malformed, '0');
    assert.deepEqual(
      [other.ledger.produced, other.ledger.journalled],
      [String(neighbour), String(neighbour)],
    );
    if (!isOneEach) return;
    assert.ok(Number(own.ledger.produced) >= sent - HELD, `${sent} sent: ${JSON.stringify(own)}`);
    const page = await agent.metrics(collector);
    const drops = sampleValue(page, 'huatuo_dropwatch_drops_total', { reason: 'SOCKET_RCVBUFF' });
    assert.ok(drops >= sent - HELD, 'the counter has those that have no document');
  });
}
