/** What `npm run bench -- --only probes --costs src/collectors/costs.json` has measured, for the table of collectors. */
import { at } from '../paths.ts';
import type { AttachPoint } from '../schema/manifest.ts';
import { readIfThere } from './files.ts';

export const COSTS_FILE = 'src/collectors/costs.json';

export interface Costs {
  /** Where: kernel and CPUs, in words. */
  readonly host: string;
  /** Nanoseconds of one run, by collector and program. */
  readonly programs: Readonly<Record<string, Readonly<Record<string, number>>>>;
  /** Milliseconds of one look at files, by collector: a scrape, or a sample of an autotracer. */
  readonly looks: Readonly<Record<string, number>>;
}

/** None before the first measurement. */
export function readCosts(): Costs | undefined {
  const text = readIfThere(at(COSTS_FILE));
  return text === undefined ? undefined : (JSON.parse(text) as Costs);
}

/** What a run of each program costs, or a look at files; what did not happen while it was measured is left out. */
export function costOf(collector: string, attachPoints: readonly AttachPoint[], costs?: Costs): string {
  const programs = costs?.programs[collector] ?? {};
  const runs = attachPoints.flatMap(({ program, section }) => {
    const ns = programs[program];
    return ns === undefined ? [] : [`\`${section.split('/').at(-1)}\` ${ns} ns`];
  });
  const ms = costs?.looks[collector];
  const all = ms === undefined ? runs : [...runs, `${ms} ms a look`];
  return all.length > 0 ? all.join(', ') : 'not measured';
}
