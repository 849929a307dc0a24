/** Instruments: declared as data, typed by their labels. (contract; implementation follows) */
import type { MetricFamily, MetricType } from '../actor/protocol.ts';

/** A metric as data. `name` defaults to `huatuo_bamai_<collector>_<key>`; give a full name for what is new with us. */
export interface InstrumentSpec {
  readonly type: MetricType;
  readonly help: string;
  readonly labels: readonly string[];
  readonly name?: string;
  /** histogram only: upper bounds, ascending, without +Inf. */
  readonly buckets?: readonly number[];
}
export type Labels<Spec extends InstrumentSpec> = Readonly<Record<Spec['labels'][number], string>>;
export interface Counter<L> { add(value: number, labels: L): void; set(value: number, labels: L): void }
export interface Gauge<L> { set(value: number, labels: L): void }
export interface Histogram<L> {
  observe(value: number, labels: L): void;
  /** Replaces the series by counts the kernel keeps; `counts` has one entry for each bucket and one for +Inf. */
  set(counts: readonly number[], sum: number, labels: L): void;
}
export type Instrument<Spec extends InstrumentSpec> = Spec['type'] extends 'counter'
  ? Counter<Labels<Spec>>
  : Spec['type'] extends 'gauge' ? Gauge<Labels<Spec>> : Histogram<Labels<Spec>>;
export type Instruments<Specs extends Readonly<Record<string, InstrumentSpec>>> = {
  readonly [K in keyof Specs]: Instrument<Specs[K]> & { clear(): void };
};
export type { MetricFamily };
