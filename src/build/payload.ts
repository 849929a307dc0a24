/** Which fields of an event struct are in `tracer_data`, and under which names. */
import type { FieldLayout } from './manifest.ts';

/** The event's time is the envelope's `@timestamp`, and padding is nobody's. */
export function payloadFields(fields: readonly FieldLayout[]): readonly FieldLayout[] {
  return fields.filter((field) => field.format !== 'ktime_ns' && field.format !== 'pad');
}

/** Names of an enum in the order of their values. */
export function namesOf(field: FieldLayout): readonly string[] {
  const entries = Object.entries(field.enumerators ?? {});
  return entries.sort(([a], [b]) => (BigInt(a) < BigInt(b) ? -1 : 1)).map(([, name]) => name);
}
