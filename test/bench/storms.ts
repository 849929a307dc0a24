/**
 * Collectors in a storm of their own events: more than a hundred thousand a second, with thresholds at their least. First with the rate
 * limit they are shipped with, which takes all but a few; then without it, where the quota of the collector's thread is what holds.
 */
import { CompiledProgram } from '../support/compiled-program.ts';
import { findProgram } from '../support/container-programs.ts';
import { atLeast, atMost, median, type Row } from './report.ts';
import { type Storm, type Weathered, weather } from './storm.ts';
import type { BenchOptions } from './workspace.ts';

const GOAL_PER_SECOND = 100_000;
/** Less than any of them would use. */
const QUOTA_CORES = 0.05;
/** The storm does not end where a period of the quota does. */
const QUOTA_MARGIN = 1.1;
/** Programs that ran less often are not those of the storm. */
const STORM_RUNS = 10_000;

const STORMS: readonly Storm[] = [
  { collector: 'dropwatch', workload: 'drop', per_second: 150_000, options: {} },
  { collector: 'softirq', workload: 'drop', per_second: 150_000, options: { threshold: '1ns' } },
  { collector: 'tcp_retransmit', workload: 'synack', per_second: 150_000, options: {} },
  {
    collector: 'net_rx_latency',
    workload: 'segment',
    // Each segment is late in the stack, at its socket and at its reader, its acknowledgement at the first two.
    per_second: 50_000,
    options: { netif_threshold: '0ns', tcp_threshold: '0ns', usercopy_threshold: '0ns' },
  },
];

const LIMITS = [
  { title: 'rate limit as shipped', options: {} },
  { title: 'no rate limit', options: { max_events_per_second_per_cpu: 0 } },
];

export async function benchStorms(options: BenchOptions): Promise<Row[]> {
  if (!findProgram('cc')) return [{ name: 'storms', measured: 'no C compiler', verdict: 'skipped' }];
  using program = new CompiledProgram('storm', '-O2');
  const rows: Row[] = [];
  for (const storm of STORMS)
    for (const limit of LIMITS) {
      const cpu = { quota: `${QUOTA_CORES * 100}%` };
      const weathered = await weather(
        { ...storm, options: { ...storm.options, ...limit.options, cpu } },
        program.path,
        options,
      );
      rows.push(...rowsOf(`${storm.collector}, ${limit.title}`, weathered));
    }
  return rows;
}

function rowsOf(title: string, weathered: Weathered): Row[] {
  const { counts, missing, neighbour, seconds, thread_cores, agent_cores } = weathered;
  const per_second = counts.produced / seconds;
  const lost = neighbour.made - neighbour.journalled;
  return [
    {
      name: `${title}: produced`,
      measured: `${(per_second / 1000).toFixed(0)} k/s for ${seconds.toFixed(1)} s`,
      goal: `≥ ${GOAL_PER_SECOND / 1000} k/s`,
      ...atLeast(per_second, GOAL_PER_SECOND),
    },
    {
      name: '  ledger',
      measured:
        `${counts.produced} = ${counts.journalled} on disk + ${counts.rate_limited} rate limited + ` +
        `${counts.dropped_ring_full} ring full + ${counts.malformed} malformed + ${counts.waiting} in the ring`,
      goal: 'none missing',
      verdict: missing === 0 ? 'met' : 'missed',
    },
    {
      name: '  neighbour',
      measured: `${lost} of ${neighbour.made} events lost`,
      goal: 'none lost',
      verdict: lost === 0 ? 'met' : 'missed',
    },
    {
      name: '  CPU of its thread',
      measured: `${percent(thread_cores)} of a core; of the agent ${percent(agent_cores)}`,
      goal: `≤ ${percent(QUOTA_CORES)}`,
      ...atMost(thread_cores, QUOTA_CORES * QUOTA_MARGIN),
    },
    { name: '  programs', measured: programsOf(weathered), verdict: 'info' },
    { name: '  agent', measured: agentOf(weathered), verdict: 'info' },
  ];
}

function programsOf({ programs, missed_runs }: Weathered): string {
  const each = programs
    .filter(({ runs }) => runs > STORM_RUNS)
    .map(({ name, runs, run_ns }) => `${name} ${(run_ns / runs).toFixed(0)} ns`);
  return `${each.join(', ')}; ${missed_runs} runs missed`;
}

function agentOf({ calm, scrapes, grown_bytes, reads, look_ups, counts }: Weathered): string {
  const [before, during] = [calm, scrapes].map((some) => median(some.map(({ took_ms }) => took_ms)));
  const whole = scrapes.filter((one) => one.whole).length;
  return [
    `scrapes took ${during!.toFixed(1)} ms instead of ${before!.toFixed(1)}, ${whole} of ${scrapes.length} were whole`,
    `RSS ${(grown_bytes / 1e6).toFixed(1)} MB more`,
    `${look_ups} names looked up and ${reads} read()s for ${counts.journalled} documents`,
  ].join('; ');
}

function percent(cores: number): string {
  return `${(cores * 100).toFixed(1)} %`;
}
