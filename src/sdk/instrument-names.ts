/** What a declared metric must look like; checked once, when the instruments are made. */
import { HuatuoError } from '../error.ts';
import type { InstrumentSpec } from './metrics.ts';
import { fillIn, nameLabels } from './name-labels.ts';

/**
 * `<namespace>_<name>` without colons (Prometheus keeps those for recording rules). The underscore that is required
 * also keeps out names such as `constructor`.
 */
export const METRIC_NAME: RegExp = /^[a-z][a-z0-9]*_[a-zA-Z0-9_]+$/;
export const LABEL_NAME: RegExp = /^(?!__)[a-zA-Z_][a-zA-Z0-9_]*$/;

/** `le` is the bucket of a histogram; `region` and `host` are added to every `huatuo_bamai_` family. */
const RESERVED_LABELS: ReadonlySet<string> = new Set(['le', 'region', 'host']);

/**
 * @returns the exposition name of `key`
 * @throws COLLECTOR_INVALID naming the metric and what is wrong with it
 */
export function metricName(collector: string, key: string, spec: InstrumentSpec): string {
  const name = spec.name ?? `huatuo_bamai_${collector}_${key}`;
  const refuse = (expected: string, found: string): never => {
    throw invalidMetric(name, expected, found, `change the metric "${key}" of collector ${collector}`);
  };
  const inName = nameLabels(name);
  const filledIn = fillIn(name, Object.fromEntries(inName.map((label) => [label, label])));
  if (!METRIC_NAME.test(filledIn)) refuse('a name such as huatuo_requests_total', JSON.stringify(name));
  for (const label of inName) {
    if (!spec.labels.includes(label))
      refuse(`a label ${label}, as its name has {${label}}`, JSON.stringify(spec.labels));
  }
  if (spec.help.trim() === '') refuse('one sentence of help', 'none');
  if (new Set(spec.labels).size !== spec.labels.length)
    refuse('each label once', JSON.stringify(spec.labels));
  for (const label of spec.labels) {
    if (!LABEL_NAME.test(label) || RESERVED_LABELS.has(label))
      refuse('a label name that is valid and not reserved (le, region, host)', JSON.stringify(label));
  }
  const bounds = spec.buckets ?? [];
  if (spec.type === 'histogram' && bounds.length === 0) refuse('at least one bucket', 'none');
  if (!bounds.every((bound, i) => Number.isFinite(bound) && bound > (bounds[i - 1] ?? -Infinity)))
    refuse('finite bucket bounds in ascending order', JSON.stringify(bounds));
  return name;
}

export function invalidMetric(metric: string, expected: string, found: string, remedy: string): HuatuoError {
  return new HuatuoError('COLLECTOR_INVALID', { expected: `${expected} for ${metric}`, found, remedy });
}
