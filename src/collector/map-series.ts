/** Entries of a map as series: label values from the key, numbers from the value. */
import { foldValues } from '../decoder/value.ts';
import type { FieldLayout, MapLayout, MetricLayout } from '../schema/manifest.ts';
import { keyLabels } from '../schema/metrics.ts';
import type { Counter, Gauge, Histogram } from '../sdk/metrics.ts';
import type { DiskNames } from './disk-names.ts';
import type { LabelledNumbers, RunNumbers } from './held-counts.ts';

export type LabelValues = Readonly<Record<string, string>>;
/** Any of them, with its labels not told by name. */
export type AnyInstrument = Counter<[LabelValues]> &
  Histogram<[LabelValues]> & { clear(): void } & Gauge<[LabelValues]>;

/** @returns undefined when a disk of the key is gone */
export function keyLabelValues(map: MapLayout, key: unknown, disks: DiskNames): LabelValues | undefined {
  const labels: Record<string, string> = {};
  for (const { name, field, path } of keyLabels(map)) {
    const part = path.reduce((value, member) => (value as Record<string, unknown>)[member], key);
    const text = labelText(part, field, disks);
    if (text === undefined) return undefined;
    labels[name] = text;
  }
  return labels;
}

function labelText(part: unknown, field: FieldLayout, disks: DiskNames): string | undefined {
  if (field.format === 'block_dev') return disks.nameOf(part as number);
  if (!field.numbered) return String(part);
  return disks.nameOf(part as number) === undefined ? undefined : disks.numberOf(part as number);
}

/** A key as text, whatever numbers it has. */
export function keyText(key: unknown): string {
  return JSON.stringify(key, (_, part: unknown) => (typeof part === 'bigint' ? `${part}n` : part));
}

/** Sums of one metric at one scrape, by labels. */
export class MetricSeries {
  readonly #metric: MetricLayout;
  readonly #shared: LabelValues;
  readonly #sums = new Map<string, RunNumbers & { readonly numbers: number[] }>();

  constructor(metric: MetricLayout, collector: string) {
    this.#metric = metric;
    this.#shared = metric.shared ? { collector } : {};
  }

  get name(): string {
    return this.#metric.name;
  }

  /** False for a level, which ends with its container or unit. */
  get counts(): boolean {
    return this.#metric.type !== 'gauge';
  }

  get sums(): Iterable<RunNumbers> {
    return this.#sums.values();
  }

  /**
   * @param views the value, once for each CPU
   * @param run of the unit that has counted it, else 0
   */
  add(labels: LabelValues, views: readonly DataView[], fields: readonly FieldLayout[], run: bigint): void {
    const { perCpu } = this.#metric;
    if (perCpu === undefined) {
      this.#addValue(labels, foldValues(views, fields), run);
      return;
    }
    for (const [cpu, view] of views.entries())
      this.#addValue({ ...labels, [perCpu]: String(cpu) }, foldValues([view], fields), run);
  }

  /** @param counts what stands on the page; without it the sums */
  show(instrument: AnyInstrument, counts: Iterable<LabelledNumbers> = this.sums): void {
    instrument.clear();
    const { type, divisor = 1 } = this.#metric;
    for (const { labels, numbers } of counts) {
      if (type === 'histogram') instrument.set(numbers.slice(0, -1), numbers.at(-1)! / divisor, labels);
      else instrument.set(numbers[0]! / divisor, labels);
    }
  }

  #addValue(labels: LabelValues, value: unknown, run: bigint): void {
    const { type, field, each } = this.#metric;
    const own = field === '' ? value : (value as Record<string, unknown>)[field];
    if (type === 'histogram') {
      const { slots, sum } = own as { readonly slots: readonly number[]; readonly sum: number };
      this.#sum(labels, [...slots, sum], run);
    } else if (each !== undefined) {
      for (const [index, number] of (own as readonly number[]).entries())
        this.#sum({ ...labels, [each]: String(index) }, [number], run);
    } else this.#sum(labels, [Number(own)], run);
  }

  #sum(labels: LabelValues, numbers: readonly number[], run: bigint): void {
    const key = `${run} ${JSON.stringify(Object.values(labels))}`;
    const known = this.#sums.get(key);
    if (!known) this.#sums.set(key, { labels: { ...this.#shared, ...labels }, numbers: [...numbers], run });
    else for (const [index, number] of numbers.entries()) known.numbers[index]! += number;
  }
}
