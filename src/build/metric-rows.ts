/** The metrics of one collector as the documents show them. */
import type { MapLayout } from '../schema/manifest.ts';
import { keyCgroup, keyLabels } from '../schema/metrics.ts';
import { metricName } from '../sdk/instrument-names.ts';
import { CONTAINER_LABELS, type MetricSpecs, type MetricType, WORKLOAD_LABELS } from '../sdk/metrics.ts';
import { isOfWorkloads } from '../sdk/workload-part.ts';
import type { CollectorSources } from './overview.ts';

export interface MetricRow {
  /** With `{label}` where a label is a part of it. */
  readonly name: string;
  readonly type: MetricType;
  /** Whose labels it has. */
  readonly of: 'host' | 'container' | 'container, unit';
  /** All others. */
  readonly labels: readonly string[];
  readonly help: string;
}

/** What its maps show by themselves, and what its module declares. */
export function metricRows({ name, manifest, description }: CollectorSources): MetricRow[] {
  return [
    ...(manifest?.maps ?? []).flatMap(mapMetrics),
    ...declaredMetrics(name, description?.metrics ?? {}),
  ];
}

function mapMetrics(map: MapLayout): MetricRow[] {
  return (map.metrics ?? []).map(({ type, name, help, shared, perCpu, each }) => ({
    name,
    type,
    help,
    of: keyCgroup(map) ? 'container, unit' : 'host',
    labels: [shared && 'collector', ...keyLabels(map).map((label) => label.name), perCpu, each].filter(
      (label) => typeof label === 'string',
    ),
  }));
}

function declaredMetrics(collector: string, specs: MetricSpecs): MetricRow[] {
  return Object.entries(specs).map(([key, spec]) => {
    const ofContainer = CONTAINER_LABELS.every((label) => spec.labels.includes(label));
    const ofWhom = ofContainer ? 'container' : 'host';
    const own = spec.labels.filter((label) => !WORKLOAD_LABELS.some((one) => one === label));
    return {
      name: metricName(collector, key, spec),
      type: spec.type,
      help: spec.help,
      of: isOfWorkloads(spec) ? 'container, unit' : ofWhom,
      labels: ofContainer ? own : spec.labels,
    };
  });
}
