/** Instruments: the live side of the metrics a collector declares. */
import { threadId } from 'node:worker_threads';
import { createPart, type Groups } from './instrument-kinds.ts';
import { metricName } from './instrument-names.ts';
import { Keeper } from './keeper.ts';
import type { KeptSeries } from './kept-series.ts';
import { labelText } from './label-text.ts';
import {
  DEFAULT_MAX_SERIES,
  type FamilyText,
  type InstrumentSpec,
  type Instruments,
  type MetricsAnswer,
} from './metrics.ts';
import { MAX_LABEL_VALUE, type SeriesBudget } from './series.ts';
import { createWorkloadPart, isOfWorkloads } from './workload-part.ts';

/** What the bounds on series have cost since the start. */
export interface SeriesLosses {
  readonly refusedSeries: number;
  readonly truncatedLabels: number;
}

export interface InstrumentsOptions {
  /** Series over all metrics of the collector; default `DEFAULT_MAX_SERIES`. */
  readonly maxSeries?: number;
  /** Where `add` and `observe` count, for a caller that has an earlier one's memory. */
  readonly kept?: KeptSeries;
  /** [0] rises with whatever may change an answer, so that who has one knows whether another would be the same. */
  readonly changes?: Int32Array<SharedArrayBuffer> | undefined;
}

export interface InstrumentSet<Specs extends Readonly<Record<string, InstrumentSpec>>> extends SeriesLosses {
  readonly instruments: Instruments<Specs>;
  /** Whether there are series of containers or units, which go when those have ended. */
  readonly hasWorkloads: boolean;
  /**
   * Drops the series of containers and units that are over, whatever has counted them (src/sdk/gone-containers.ts).
   * @param isOver asked for the id of each that has series
   */
  forget(isOver: (workloadId: string) => boolean): void;
  /**
   * Is as if it had just been made, for a caller that cannot tell what was counted before; text that is used again is there still.
   * @param losses to go on from
   */
  restart(losses: SeriesLosses): void;
  /**
   * Every family that has series, and the collector's two loss counters. Plain data, owned by the caller.
   * @param known token of the answer whose text the caller has
   */
  collect(known?: string): MetricsAnswer;
}

/** Answers of this thread. */
let answers = 0;

/**
 * Makes the instruments of one collector.
 * @throws COLLECTOR_INVALID when a name, label, bucket or help text is not usable
 */
export function createInstruments<const Specs extends Readonly<Record<string, InstrumentSpec>>>(
  collector: string,
  specs: Specs,
  options: InstrumentsOptions = {},
): InstrumentSet<Specs> {
  const budget: SeriesBudget = {
    max: options.maxSeries ?? DEFAULT_MAX_SERIES,
    used: 0,
    refused: 0,
    truncated: 0,
    changes: options.changes,
  };
  const made = Object.entries(specs).map(([key, spec]) => {
    const name = metricName(collector, key, spec);
    if (isOfWorkloads(spec))
      return { key, spec, part: createWorkloadPart(key, name, spec, budget, options.kept) };
    const keeper = options.kept && new Keeper(key, spec, options.kept);
    return { key, spec, part: createPart(name, spec, budget, keeper) };
  });
  const ofWorkloads = made.flatMap(({ spec, part }) => (spec.labels.includes('container_id') ? [part] : []));
  const losses = lossFamilies(collector);
  let last: { readonly token: string; readonly groups: readonly Groups[] } | undefined;
  return {
    instruments: Object.fromEntries(
      made.map(({ key, part }) => [key, part.instrument]),
    ) as Instruments<Specs>,
    forget(isOver) {
      for (const part of ofWorkloads) part.forget(isOver);
    },
    get hasWorkloads() {
      return ofWorkloads.some((part) => part.valueCount() > 0);
    },
    restart({ refusedSeries, truncatedLabels }) {
      for (const { part } of made) part.restart();
      budget.refused = refusedSeries;
      budget.truncated = truncatedLabels;
    },
    collect(known) {
      const groups = made.map(({ part }) => part.groups());
      const isSame = last && last.token === known && groups.every((group, i) => group === last?.groups[i]);
      const token = `${threadId}.${++answers}`;
      last = { token, groups };
      const values = new Float64Array(made.reduce((sum, { part }) => sum + part.valueCount(), losses.length));
      let at = 0;
      for (const { part } of made) at = part.write(values, at);
      values.set([budget.refused, budget.truncated], at);
      if (isSame) return { token, values };
      const families = made.flatMap(({ spec, part }) =>
        part.groups().map(({ name, help, text }): FamilyText => {
          const bounds = spec.type === 'histogram' && spec.buckets?.map(String);
          return { name, help, type: spec.type, ...(bounds && { bounds }), series: text };
        }),
      );
      return { token, families: [...families, ...losses], values };
    },
    get refusedSeries() {
      return budget.refused;
    },
    get truncatedLabels() {
      return budget.truncated;
    },
  };
}

/** What every collector has: what it could not show. */
export function lossFamilies(collector: string): readonly FamilyText[] {
  const family = (name: string, help: string): FamilyText => {
    return { name, help, type: 'counter', series: labelText({ collector }) };
  };
  return [
    family(
      'huatuo_collector_refused_series_total',
      'Updates of metrics dropped because the collector has reached its limit of series.',
    ),
    family(
      'huatuo_collector_truncated_labels_total',
      `Label values cut to their first ${MAX_LABEL_VALUE} characters.`,
    ),
  ];
}
