/** A storm of a collector's own events, without its rate limit: what is lost is counted, and another collector loses nothing. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import test from 'node:test';
import { promisify } from 'node:util';
import { at } from '../../src/paths.ts';
import { AgentProcess } from '../support/agent.ts';
import { CompiledProgram } from '../support/compiled-program.ts';
import { skipWithoutPrograms } from '../support/container-programs.ts';
import { builtCollectors, FLOOD_CONFIG, flood } from '../support/flood.ts';
import { skipWithoutKernelType } from '../support/kernel.ts';
import { sampleValue } from '../support/prometheus-text.ts';
import { ringAccount } from '../support/ring-account.ts';

const skip = skipWithoutKernelType('skb_drop_reason') || skipWithoutPrograms('cc');
const run = promisify(execFile);

const STORM = { per_second: 100_000, seconds: 2 };
const NEIGHBOUR = { events: 40, every_ms: 20 };
/** The least buffer of a socket holds a few datagrams, and each of two senders has one. */
const HELD = 100;
/** More in a ring is of the storm; softirqs never end. */
const CALM_BYTES = 64 << 10;

/** Datagrams that are dropped, each after a softirq, while the neighbour makes its events. */
async function storm(): Promise<{ readonly sent: number; readonly neighbour: number }> {
  using program = new CompiledProgram('storm', '-O2');
  let neighbour = 0;
  const making = setInterval(() => {
    flood(NEIGHBOUR.events);
    neighbour += NEIGHBOUR.events;
  }, NEIGHBOUR.every_ms);
  try {
    const { stdout } = await run(program.path, ['drop', String(STORM.per_second), String(STORM.seconds)]);
    return { sent: Number(stdout), neighbour };
  } finally {
    clearInterval(making);
  }
}

const UNLIMITED = { max_events_per_second_per_cpu: 0 };
for (const { collector, options, counter } of [
  {
    collector: 'dropwatch',
    options: {},
    counter: ['huatuo_dropwatch_drops_total', { reason: 'SOCKET_RCVBUFF' }],
  },
  { collector: 'softirq', options: { threshold: '1ns' }, counter: undefined },
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
    const { own, other } = await agent.until('every event to be accounted for', async () => {
      const status = await agent.status();
      const own = ringAccount(status, collector, at('dist/bpf'));
      const other = ringAccount(status, 'flood', neighbours);
      const isCalm = Number(own.ledger.pending_bytes) < CALM_BYTES && other.ledger.pending_bytes === '0';
      return isCalm && own.missing === 0 && other.missing === 0 && { own: own.ledger, other: other.ledger };
    });
    assert.ok(Number(own.produced) >= sent - HELD, `${sent} sent: ${JSON.stringify(own)}`);
    assert.equal(own.malformed, '0');
    assert.deepEqual([other.produced, other.journalled], [String(neighbour), String(neighbour)]);
    if (!counter) return;
    const [name, labels] = counter;
    const counted = sampleValue(await agent.metrics(collector), name, labels);
    assert.ok(counted >= sent - HELD, 'the counter has those that have no document');
  });
}
