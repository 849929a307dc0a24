/** How long records in a ring can be. */
import type { EventLayout, FieldLayout } from './manifest.ts';
import { structsOf } from './variants.ts';

/** Whether the field's bytes are behind the struct. */
export function isTail({ format }: FieldLayout): boolean {
  return format === 'text_tail' || format === 'bytes_tail';
}

/** The longest record with its tail, whichever struct of the ring it is; a longer one is malformed, and no more of it is read. */
export function maxRecordBytes(layout: EventLayout): number {
  const lengths = structsOf(layout).map(({ bytes, fields }) => bytes + (fields.find(isTail)?.length ?? 0));
  return Math.max(...lengths);
}
