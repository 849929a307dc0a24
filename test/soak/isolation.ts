/**
 * One collector far over its CPU quota beside one that is not: the second loses nothing, and scrapes are answered.
 *
 *   kernel     the agent makes the thread rest, then samples, which is counted as rate limited; the cgroup's quota stops
 *              it where that is too slow, and what it does not get to is dropped where the ring is full
 *   measured   the same with no cgroup to be had
 */
import assert from 'node:assert/strict';
import type { LedgerStatus } from '../../src/web/status.ts';
import { AgentProcess } from '../support/agent.ts';
import { Producer } from '../support/producer.ts';
import { sampleValue } from '../support/prometheus-text.ts';
import { auditSequences, closedLedger, readEvents } from './audit.ts';
import { buildVariants } from './collectors.ts';
import { scratchDirectory } from './scratch.ts';

interface IsolationReport {
  readonly noisy: LedgerStatus;
  readonly quiet: LedgerStatus;
  readonly throttled_seconds: number;
  /** Of each scrape, without load and under it. */
  readonly idle_ms: readonly number[];
  readonly loaded_ms: readonly number[];
}

const NOISY = { name: 'noisy', ring_bytes: 1 << 20, module: 'costly' };
const QUIET = { name: 'quiet', ring_bytes: 1 << 22 };
/** Less than rests between batches can keep to, so that sampling begins. */
const QUOTA = '2%';
const SCRAPES = 20;
const OVERLOADED_WITHIN_MS = 60_000;
/** Time for all waits below together; the runner gives a test a little more. */
const DEADLINE_MS = 115_000;
/** Left out for each that is written. */
const OVERLOAD = 10;

export type Fence = 'kernel' | 'measured';

/** The agent sees no cgroup file system; others are not touched. */
const WITHOUT_CGROUPS = [
  'unshare',
  '--mount',
  'sh',
  '-c',
  'umount --lazy --recursive /sys/fs/cgroup && exec "$0" "$@"',
];

export async function overloadOne(fence: Fence): Promise<IsolationReport> {
  using scratch = scratchDirectory();
  await using agent = await AgentProcess.start({
    collectors: await buildVariants(scratch.path, [NOISY, QUIET]),
    only: ['noisy', 'quiet', 'loadavg'],
    deadline_ms: DEADLINE_MS,
    ...(fence === 'measured' && { wrapper: WITHOUT_CGROUPS }),
    config: {
      journal: { segment_size: '16MiB' },
      collectors: {
        noisy: { process: process.pid, cpu: { quota: QUOTA } },
        quiet: { process: process.pid },
      },
    },
  });
  const idle_ms = await scrape(agent);
  using quietOne = new Producer({ collector: 'quiet', events: 40, every_ms: 20 });
  using noisyOne = new Producer({ collector: 'noisy', events: 15_000, every_ms: 10 });
  await agent.until('the overload', () => overloaded(agent), OVERLOADED_WITHIN_MS);
  const loaded_ms = await scrape(agent);
  const throttled_seconds = sampleValue(
    await agent.metrics('agent'),
    'huatuo_actor_throttled_seconds_total',
    {
      actor: 'noisy',
    },
  );
  noisyOne[Symbol.dispose]();
  quietOne[Symbol.dispose]();
  const [noisy, quiet] = [
    await closedLedger(agent, 'noisy', noisyOne.made),
    await closedLedger(agent, 'quiet', quietOne.made),
  ];
  assert.equal(quiet.journalled, String(quietOne.made), 'the quiet one has lost nothing');
  const { events, most_copies } = auditSequences(readEvents(agent.journal, 'quiet'));
  assert.deepEqual([events, most_copies], [quietOne.made, 1], 'each of its events is on disk once');
  return { noisy, quiet, throttled_seconds, idle_ms, loaded_ms };
}

/** What is offered would keep several CPUs busy with enrichment; these are the signs that it is too much. */
async function overloaded(agent: AgentProcess): Promise<boolean> {
  const ledger = await agent.ledger('noisy');
  if (!ledger || ledger.journalled === '0') return false;
  const leftOut = Number(ledger.dropped_ring_full) + Number(ledger.rate_limited);
  if (leftOut <= OVERLOAD * Number(ledger.journalled)) return false;
  return ledger.rate_limited !== '0' && (await agent.actor('noisy')).state === 'throttled';
}

/** @returns how long each took; @throws when one is not answered, or lacks a collector's numbers */
async function scrape(agent: AgentProcess): Promise<number[]> {
  const took_ms: number[] = [];
  for (let scrapes = 0; scrapes < SCRAPES; scrapes++) {
    const start_ms = performance.now();
    const page = await agent.metrics();
    took_ms.push(performance.now() - start_ms);
    sampleValue(page, 'huatuo_bamai_loadavg_load1');
  }
  return took_ms;
}
