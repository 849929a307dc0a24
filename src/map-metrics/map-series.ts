/** Entries of a map as series: label values from the key, numbers from the value. */
import type { FieldLayout, MapLayout, MetricLayout } from '../schema/manifest.ts';
import { keyLabels } from '../schema/metrics.ts';
import type { Counter, Gauge, Histogram } from '../sdk/metrics.ts';
import type { DiskNames } from './disk-names.ts';
import type { LabelledNumbers, RunNumbers } from './held-counts.ts';
import type { ReadNumbers } from './metric-numbers.ts';

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
  readonly #read: ReadNumbers;
  readonly #shared: LabelValues;
  readonly #sums = new Map<string, RunNumbers & { readonly numbers: number[] }>();

  /** @param read the metric's numbers */
  constructor(metric: MetricLayout, read: ReadNumbers, collector: string) {
    this.#metric = metric;
    this.#read = read;
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
   * @param key tells these labels and this run from others
   * @param views the value, once for each CPU
   * @param run of the unit that has counted it, else 0
   */
  add(key: string, labels: LabelValues, views: readonly DataView[], run: bigint): void {
    const { perCpu } = this.#metric;
    if (perCpu === undefined) this.#addNumbers(key, labels, this.#read(views), run);
    else
      for (const [cpu, view] of views.entries())
        this.#addNumbers(`${key} ${cpu}`, { ...labels, [perCpu]: String(cpu) }, this.#read([view]), run);
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

  #addNumbers(key: string, labels: LabelValues, numbers: number[], run: bigint): void {
    const { each } = this.#metric;
    if (each === undefined) this.#sum(key, labels, numbers, run);
    else
      for (const [index, number] of numbers.entries())
        this.#sum(`${key} ${index}`, { ...labels, [each]: String(index) }, [number], run);
  }

  /** @param numbers from here on the series' own */
  #sum(key: string, labels: LabelValues, numbers: number[], run: bigint): void {
    const known = this.#sums.get(key);
    if (!known) this.#sums.set(key, { labels: { ...this.#shared, ...labels }, numbers, run });
    else for (const [index, number] of numbers.entries()) known.numbers[index]! += number;
  }
}
