/** How long a document can get: what a decoder reserves before it writes, so that no writer has to look. */
import type { EventLayout, FieldLayout } from '../schema/manifest.ts';
import { structsOf } from '../schema/variants.ts';
import { MAX_TEXT_BYTES } from './lookup-kinds.ts';

/** `18446744073709551615`, or 19 digits and a sign. */
const MAX_DIGITS = 20;
/** `"0x…"` with 16 digits. */
const HEX_BYTES = 20;
/** `\u0000`: the most that one byte of text becomes. */
const ESCAPE_BYTES = 6;
/** `"`, eight groups of four digits, seven colons, `"`. */
const IP_BYTES = 41;
/** The most that `packet` of wasm/packet.ts writes, with its longest addresses, names and numbers: 1,300 bytes. */
const MAX_PACKET_BYTES = 1536;
/** `,"tracer_data":` in front of the object, `}` and the newline behind it. */
const AROUND_DATA_BYTES = 17;

/**
 * Upper bound of the bytes from `,"tracer_data":{` to the newline, whichever struct of the ring it is.
 */
export function maxDataBytes(layout: EventLayout): number {
  return AROUND_DATA_BYTES + Math.max(...structsOf(layout).map(({ fields }) => maxObjectBytes(fields)));
}

function maxObjectBytes(fields: readonly FieldLayout[]): number {
  let bytes = 2;
  for (const field of fields) bytes += JSON.stringify(field.json).length + 2 + maxValueBytes(field);
  return bytes;
}

function maxValueBytes(field: FieldLayout): number {
  switch (field.format) {
    case 'pad':
    case 'tail_length':
      return 0;
    case 'tag':
      return Object.values(field.enumerators ?? {}).join('').length + 2;
    case 'text_tail':
      return 2 + ESCAPE_BYTES * (field.length ?? 0);
    case 'bytes_tail':
      return 2 + 2 * (field.length ?? 0);
    case 'packet':
      return MAX_PACKET_BYTES;
    case 'struct':
      return maxObjectBytes(field.fields ?? []);
    case 'comm':
    case 'text':
      return 2 + ESCAPE_BYTES * field.bytes;
    case 'kstack':
      return 2 + (field.length ?? 0) * (MAX_TEXT_BYTES.kernel_frame + 1);
    case 'ustack':
      return 2 + (field.length ?? 0) * (MAX_TEXT_BYTES.user_frame + 1);
    case 'kframe':
      return MAX_TEXT_BYTES.kernel_frame;
    case 'kernel_enum':
    case 'block_dev':
    case 'netdev':
    case 'netns':
      return MAX_TEXT_BYTES[field.format];
    case 'ip_addr':
      return IP_BYTES;
    case 'enum': {
      const names = Object.values(field.enumerators ?? {});
      return Math.max(MAX_DIGITS, ...names.map((name) => name.length + 2));
    }
    default: {
      const element = field.format === 'hex' ? HEX_BYTES : MAX_DIGITS;
      const numbers = field.length === undefined ? element : 2 + field.length * (element + 1);
      return field.owner ? numbers + MAX_TEXT_BYTES.owner_names : numbers;
    }
  }
}
