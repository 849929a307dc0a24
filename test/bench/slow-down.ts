/**
 * How much slower work gets with the agent than without, and with its collector of run queues alone than with the same of bpftrace:
 *
 *   round 1   without   all collectors   runqlat   bpftrace
 *   round 2   all collectors   runqlat   bpftrace   without        each begins with another one
 *   …
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Bpftrace } from './bpftrace.ts';
import { atMost, median, type Row } from './report.ts';
import type { Load } from './workload.ts';
import type { BenchOptions } from './workspace.ts';

const ROUNDS = 8;
const TURN_MS = 40;
/** The least of them counts: what else the machine does only adds. */
const TURNS = 15;
/** A young agent still compiles. */
const SETTLE_MS = 1500;
/** More than with bpftrace's collector of run queues. */
const PEER_GOAL = 1.1;

/** What is measured, by the name that workload.c has for it. */
export const COMPARED = [
  { name: 'switch', title: 'switch-heavy', unit: 'round trip between two processes' },
  { name: 'packet', title: 'packet-heavy', unit: 'datagram' },
  { name: 'tcp', title: 'connection-heavy', unit: 'TCP connection' },
  { name: 'disk', title: 'I/O-heavy', unit: 'block of a loop device' },
] as const;

/** Nanoseconds for one of each workload in one round. */
type Times = readonly number[];
type Start = () => Promise<AsyncDisposable>;

/**
 * @param start an agent with these collectors, or all of them
 * @returns a row for each workload, and one beside bpftrace where that is installed
 */
export async function slowDown(
  load: Load,
  start: (collectors?: readonly string[]) => Promise<AsyncDisposable>,
  { progress }: BenchOptions,
): Promise<Row[]> {
  await using held = new AsyncDisposableStack();
  const loads = COMPARED.map(({ name }) => held.use(load(name)));
  const counts: number[] = [];
  for (const work of loads) counts.push(await work.calibrate(TURN_MS));
  const measure = async (): Promise<Times> => {
    const least = loads.map(() => Number.POSITIVE_INFINITY);
    for (let turn = 0; turn < TURNS; turn++)
      for (const [index, work] of loads.entries())
        least[index] = Math.min(least[index]!, await work.do(counts[index]!));
    return least;
  };
  const measureWith = async (startOne: Start): Promise<Times> => {
    await using _running = await startOne();
    await sleep(SETTLE_MS);
    // Not before it is done may the agent end.
    return await measure();
  };

  const arms: Readonly<Record<string, () => Promise<Times>>> = {
    without: measure,
    all: () => measureWith(() => start()),
    ...(Bpftrace.installed() && {
      runqlat: () => measureWith(() => start(['runqlat'])),
      bpftrace: () => measureWith(() => Bpftrace.runqlat()),
    }),
  };
  const names = Object.keys(arms);
  const rounds: Readonly<Record<string, Times>>[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const first = round % names.length;
    const times: Record<string, Times> = {};
    for (const name of [...names.slice(first), ...names.slice(0, first)]) times[name] = await arms[name]!();
    rounds.push(times);
    progress(`probes: round ${round + 1} of ${ROUNDS}`);
  }

  const ratios = (index: number, arm: string, reference: string): readonly number[] =>
    rounds.map((times) => times[arm]![index]! / times[reference]![index]!);
  const rows: Row[] = COMPARED.map(({ title, unit }, index) => {
    const without = median(rounds.map((times) => times.without![index]!));
    const measured = ratios(index, 'all', 'without');
    return {
      name: `${title}, with the agent / without`,
      measured: `${spread(measured)} of ${(without / 1000).toFixed(2)} µs for a ${unit}`,
      ratio: median(measured),
      verdict: 'info',
    };
  });
  if (!arms.bpftrace) return rows;
  const [switches] = COMPARED;
  const beside = ratios(0, 'runqlat', 'bpftrace');
  const [ours, theirs] = ['runqlat', 'bpftrace'].map((arm) => spread(ratios(0, arm, 'without')));
  return [
    ...rows,
    {
      name: `${switches.title}, with runqlat / with bpftrace's`,
      measured: `${spread(beside)}; against none ${ours} and ${theirs}`,
      goal: `≤ ${PEER_GOAL} ×`,
      ...atMost(median(beside), PEER_GOAL),
    },
  ];
}

/** `1.04 × (1.01 – 1.10)`: median, least and greatest. */
function spread(ratios: readonly number[]): string {
  const [least, most] = [Math.min(...ratios), Math.max(...ratios)];
  return `${median(ratios).toFixed(2)} × (${least.toFixed(2)} – ${most.toFixed(2)})`;
}
