/**
 * Checks what a collector hands over for the page. Built-in collectors cannot get this wrong (their instruments see to
 * it), but a family crosses a thread as plain data, and one bad line makes Prometheus reject the whole page.
 */
import { LABEL_NAME, METRIC_NAME } from '../../sdk/instrument-names.ts';
import type { MetricFamily } from '../../sdk/metrics.ts';

const TYPES: ReadonlySet<unknown> = new Set(['counter', 'gauge', 'histogram']);
const SUFFIXES: ReadonlySet<unknown> = new Set(['_bucket', '_sum', '_count']);

/** @returns what is wrong with `family`, as a clause, or undefined when it can be rendered */
export function familyFault(family: MetricFamily): string | undefined {
  if (!isRecord(family)) return 'is not an object';
  if (typeof family.name !== 'string' || !METRIC_NAME.test(family.name)) return 'has an invalid name';
  if (!TYPES.has(family.type)) return 'has an unknown type';
  if (typeof family.help !== 'string' || family.help.trim() === '') return 'has no help';
  if (!Array.isArray(family.samples)) return 'has no list of samples';
  return samplesFault(family);
}

function samplesFault({ type, samples }: MetricFamily): string | undefined {
  if (!samples.every((sample) => isRecord(sample) && isRecord(sample.labels)))
    return 'has a sample that is not one';
  const names = samples[0] === undefined ? [] : labelNames(samples[0].labels);
  if (!names.every((name) => LABEL_NAME.test(name))) return 'has an invalid label name';
  const seen = new Set<string>();
  for (const { labels, value, suffix } of samples) {
    if (typeof value !== 'number') return 'has a value that is not a number';
    if (type === 'histogram' ? !SUFFIXES.has(suffix) : suffix !== undefined)
      return 'has a sample of another type';
    if ((suffix === '_bucket') !== (labels.le !== undefined)) return 'has a bucket without bound';
    if (labelNames(labels).join() !== names.join()) return 'has samples with different labels';
    const values = names.map((name) => labels[name]);
    if (!values.every((text) => typeof text === 'string')) return 'has a label value that is not a string';
    const series = JSON.stringify([suffix, labels.le, values]);
    if (seen.has(series)) return 'has the same series twice';
    seen.add(series);
  }
  return undefined;
}

/** Sorted, without the bucket's bound: what all samples of a family must have in common. */
export function labelNames(labels: Readonly<Record<string, string>>): string[] {
  return Object.keys(labels)
    .filter((name) => name !== 'le')
    .sort();
}

function isRecord(value: unknown): boolean {
  return typeof value === 'object' && value !== null;
}
