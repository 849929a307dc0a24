/** What something costs the work on the host while it runs: with and without, in turns. */
import { median, type Row } from './report.ts';
import type { Workload } from './workload.ts';

const ROUNDS = 8;
/** Five samples. */
const TURN_MS = 50;
/** The least of them counts: what else the machine does only adds. */
const TURNS = 15;

/**
 * @param during does the work that it is given while what is measured runs
 * @returns time with it over time without, of each round
 */
export async function compare(
  work: Workload,
  during: (plain: () => Promise<number>) => Promise<number>,
): Promise<number[]> {
  const count = await work.calibrate(TURN_MS);
  const plain = async (): Promise<number> => {
    let least_ns = Number.POSITIVE_INFINITY;
    for (let turn = 0; turn < TURNS; turn++) least_ns = Math.min(least_ns, await work.do(count));
    return least_ns;
  };
  const ratios: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const before = await plain();
    const meanwhile = await during(plain);
    const after = await plain();
    ratios.push((2 * meanwhile) / (before + after));
  }
  return ratios;
}

/** @param goal most times as long that it may take */
export function comparisonRow(name: string, ratios: readonly number[], goal: number | undefined): Row {
  const each = median(ratios);
  const spread = `${Math.min(...ratios).toFixed(3)} – ${Math.max(...ratios).toFixed(3)}`;
  return {
    name: `${name}: with / without`,
    measured: `${each.toFixed(3)} × (${spread})`,
    ...(goal === undefined
      ? { verdict: 'info' }
      : { goal: `≤ ${goal} ×`, ratio: goal / each, verdict: each <= goal ? 'met' : 'missed' }),
  };
}
