/** The numbers of a metric, straight from the bytes of its map's values: a scrape reads thousands, and needs nothing around them. */
import { foldValues, numberAt } from '../decoder/value.ts';
import type { FieldLayout, MapLayout, MetricLayout } from '../schema/manifest.ts';
import { isQuantity } from '../schema/semantics.ts';

/**
 * @param views one value, once for each CPU, or those of several entries; at least one
 * @returns a scalar's one number, each of an array, or the buckets of a histogram and behind them its sum: added up over the views
 */
export type ReadNumbers = (views: readonly DataView[]) => number[];

/** Members of `struct histogram` (bpf/include/histogram.h). */
const [SLOTS, SUM] = ['slots', 'sum'];

export function numbersOf({ value }: MapLayout, { type, field }: MetricLayout): ReadNumbers {
  const whole = { at: 0, fields: value };
  const own = field === '' ? whole : memberOf(whole, field);
  const members = type === 'histogram' ? [memberOf(own, SLOTS), memberOf(own, SUM)] : [own];
  const places = members.map(placeOf);
  const known = places.flatMap((place) => place ?? []);
  if (known.length === places.length) return (views) => known.flatMap((place) => read(place, views));
  // An identity, such as a time: what it is of several CPUs is not their sum.
  return (views) => {
    const folded = foldValues(views, value);
    return [Number(field === '' ? folded : (folded as Readonly<Record<string, unknown>>)[field])];
  };
}

/** A part of a value. */
interface Part {
  /** Bytes from the value's begin to what the offsets of its fields count from. */
  readonly at: number;
  readonly fields: readonly FieldLayout[];
}

function memberOf({ at, fields }: Part, name: string): Part {
  const member = fields.find((field) => (field.json || field.name) === name);
  if (!member) return { at, fields: [] };
  if (member.format === 'struct') return { at: at + member.offset, fields: member.fields ?? [] };
  return { at, fields: [member] };
}

interface Place {
  readonly at: number;
  readonly bytes: number;
  readonly length: number;
  readonly signed: boolean;
}

/** @returns undefined for what is no number, or no array of them, that adds up */
function placeOf({ at, fields }: Part): Place | undefined {
  const [field] = fields;
  if (!field || fields.length > 1 || !isQuantity(field)) return undefined;
  const { length = 1, offset, format, bytes } = field;
  return { at: at + offset, bytes: bytes / length, length, signed: format === 'signed' };
}

function read({ at, bytes, length, signed }: Place, views: readonly DataView[]): number[] {
  const numbers = new Array<number>(length);
  for (let index = 0; index < length; index++) {
    let sum = 0;
    for (const view of views) sum += numberAt(view, at + index * bytes, bytes, signed);
    numbers[index] = sum;
  }
  return numbers;
}
