/** The report of a run: a row for each fault, the sums over all rings, what grew. */
import { median } from '../bench/report.ts';
import { type Footprint, slopeWithin } from '../soak/footprint.ts';
import type { Account } from './account.ts';
import type { ChaosReport } from './run.ts';

type Totals = Omit<Account, 'faults'>;

const NOTHING: Totals = {
  produced: 0,
  on_disk: 0,
  duplicates: 0,
  ring_full: 0,
  rate_limited: 0,
  malformed: 0,
  taken: 0,
  killed: 0,
  unexplained: 0,
};
const KEYS = Object.keys(NOTHING) as (keyof Totals)[];

export function totals({ rings }: ChaosReport): Totals {
  const sum = (key: keyof Totals): number => rings.reduce((all, ring) => all + ring[key], 0);
  return Object.fromEntries(KEYS.map((key) => [key, sum(key)])) as unknown as Totals;
}

/** Per hour, within lives. NaN when no life was long enough. */
export function slopes({ footprints }: ChaosReport): Footprint {
  const perHour = (field: keyof Footprint): number =>
    slopeWithin(
      footprints
        .filter((samples) => samples.length > 1)
        .map((samples) => samples.map(([hours, one]) => [hours, one[field]] as const)),
    );
  return {
    resident_bytes: perHour('resident_bytes'),
    anonymous_bytes: perHour('anonymous_bytes'),
    fds: perHour('fds'),
    threads: perHour('threads'),
  };
}

export function reportText(seed: number, report: ChaosReport): string {
  const { faults, problems, rings, without_disk } = report;
  const all = totals(report);
  const share = (count: number): string => String(count).padStart(10);
  return [
    table(
      ['fault', 'injected', 'recovered', 'median ms'],
      [
        ...[...faults].map(([fault, { injected, recovered_ms }]) => [
          fault,
          String(injected),
          String(recovered_ms.length),
          median(recovered_ms).toFixed(0),
        ]),
      ],
    ),
    ...(without_disk === undefined ? [] : [`no faults of the disk: ${without_disk}`]),
    '',
    `${share(all.produced)}  events made, counted by the BPF program, in ${rings.length} rings`,
    `${share(all.on_disk)}  on disk, by distinct event_id`,
    `${share(all.duplicates)}  more copies of these: the journal's thread or the agent ended between write and acknowledgement`,
    `${share(all.ring_full)}  lost, counted: ring full`,
    `${share(all.rate_limited)}  left out, counted: rate limited`,
    `${share(all.malformed)}  lost, counted: malformed`,
    `${share(all.taken)}  lost, counted: deleted or cut on the disk`,
    `${share(all.killed)}  lost with the ring of an agent that was killed without pins`,
    `${share(all.unexplained)}  unexplained`,
    '',
    growthText(report),
    '',
    ...(problems.length === 0
      ? [`passed; --seed ${seed} repeats the schedule`]
      : [...problems, `FAILED; repeat with --seed ${seed}`]),
  ].join('\n');
}

function growthText(report: ChaosReport): string {
  const growth = slopes(report);
  const last = report.footprints.findLast((samples) => samples.length > 0)?.at(-1)?.[1];
  if (!last || Number.isNaN(growth.fds)) return 'growth: no life was long enough to tell';
  return (
    `growth within lives, per hour: RSS ${megabytes(growth.resident_bytes)}, anonymous ` +
    `${megabytes(growth.anonymous_bytes)}, fds ${growth.fds.toFixed(1)}, threads ${growth.threads.toFixed(1)}; ` +
    `at the end ${megabytes(last.resident_bytes)}, ${last.fds} fds, ${last.threads} threads`
  );
}

export function reportJson(seed: number, report: ChaosReport): string {
  const faults = Object.fromEntries(report.faults);
  const { rings, problems, without_disk } = report;
  return JSON.stringify(
    { seed, faults, totals: totals(report), rings, growth_per_hour: slopes(report), problems, without_disk },
    null,
    2,
  );
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}

/** First column to the left, numbers to the right. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [head, ...rows];
  const widths = head.map((_, column) => Math.max(...all.map((row) => row[column]!.length)));
  return all
    .map((row) =>
      row
        .map((cell, column) => (column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!)))
        .join('  '),
    )
    .join('\n');
}
