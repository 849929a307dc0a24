/** The metrics of one collector as the documents show them. */
import type { MapLayout } from '../schema/manifest.ts';
import { keyCgroup, keyLabels } from '../schema/metrics.ts';
import { metricName } from '../sdk/instrument-names.ts';
import { CONTAINER_LABELS, type MetricSpecs, type MetricType } from '../sdk/metrics.ts';
import type { CollectorSources } from './overview.ts';

export interface MetricRow {
  /** With `{label}` where a label is a part of it. */
  readonly name: string;
  readonly type: MetricType;
  /** Whether it has the labels of a container. */
  readonly ofContainer: boolean;
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
    ofContainer: keyCgroup(map) !== undefined,
    labels: [shared && 'collector', ...keyLabels(map).map((label) => label.name), perCpu, each].filter(
      (label) => typeof label === 'string',
    ),
  }));
}

function declaredMetrics(collector: string, specs: MetricSpecs): MetricRow[] {
  return Object.entries(specs).map(([key, spec]) => {
    const ofContainer = CONTAINER_LABELS.every((label) => spec.labels.includes(label));
    return {
      name: metricName(collector, key, spec),
      type: spec.type,
      help: spec.help,
      ofContainer,
      labels: spec.labels.filter((label) => !ofContainer || !CONTAINER_LABELS.some((one) => one === label)),
    };
  });
}
