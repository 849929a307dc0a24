/**
 * Keys and values of BPF maps as JavaScript values, by the layouts the build read from BTF.
 *
 * 64-bit numbers become doubles (two 32-bit reads are ten times cheaper than a BigInt): exact up to 2^53, and sums over
 * CPUs add as such. Identities (`cgroup_id`, `hex`) stay BigInt, since being nearly right is being wrong.
 */
import type { FieldLayout } from '../schema/manifest.ts';

const TWO_32 = 0x1_0000_0000;

/**
 * Decodes one key or value.
 * @param fields of a struct, or one field with an empty name for a scalar
 * @param start byte offset of the value in `view`
 */
export function decodeValue(view: DataView, start: number, fields: readonly FieldLayout[]): unknown {
  const [only] = fields;
  if (only && only.name === '') return decodeField(view, start, only);
  const decoded: Record<string, unknown> = {};
  for (const field of fields)
    if (field.format !== 'pad') decoded[field.json || field.name] = decodeField(view, start, field);
  return decoded;
}

/** Adds the numbers of `from` to those of `into` (same layout); what is no quantity stays as the first CPU has it. */
export function addValue(into: unknown, from: unknown): unknown {
  if (typeof into === 'number' && typeof from === 'number') return into + from;
  if (Array.isArray(into) && Array.isArray(from))
    return into.map((value, index) => addValue(value, from[index]));
  if (typeof into === 'object' && into !== null && typeof from === 'object' && from !== null) {
    const other = from as Record<string, unknown>;
    return Object.fromEntries(
      Object.entries(into).map(([name, value]) => [name, addValue(value, other[name])]),
    );
  }
  return into;
}

/** Encodes a scalar key or value; the inverse of `decodeValue` for one unnamed number. */
export function encodeScalar(value: unknown, bytes: number): Uint8Array {
  const encoded = new Uint8Array(8);
  new DataView(encoded.buffer).setBigUint64(0, BigInt.asUintN(64, BigInt(value as number | bigint)), true);
  return encoded.subarray(0, bytes);
}

function decodeField(view: DataView, start: number, field: FieldLayout): unknown {
  const at = start + field.offset;
  if (field.format === 'comm' || field.format === 'text') return decodeText(view, at, field.bytes);
  if (field.format === 'struct') return decodeValue(view, at, field.fields ?? []);
  if (field.length === undefined) return decodeNumber(view, at, field.bytes, field);
  const bytes = field.bytes / field.length;
  return Array.from({ length: field.length }, (_, index) =>
    decodeNumber(view, at + index * bytes, bytes, field),
  );
}

function decodeNumber(view: DataView, at: number, bytes: number, field: FieldLayout): unknown {
  if (field.format === 'bool') return view.getUint8(at) !== 0;
  if (field.format === 'cgroup_id' || field.format === 'hex' || field.format === 'kstack')
    return view.getBigUint64(at, true);
  const signed = field.format === 'signed';
  if (bytes === 8)
    return (
      view.getUint32(at, true) +
      (signed ? view.getInt32(at + 4, true) : view.getUint32(at + 4, true)) * TWO_32
    );
  const number =
    bytes === 4 ? view.getUint32(at, true) : bytes === 2 ? view.getUint16(at, true) : view.getUint8(at);
  if (field.format === 'enum') return field.enumerators?.[number] ?? number;
  return signed ? (number << (32 - bytes * 8)) >> (32 - bytes * 8) : number;
}

function decodeText(view: DataView, at: number, bytes: number): string {
  const raw = Buffer.from(view.buffer, view.byteOffset + at, bytes);
  const end = raw.indexOf(0);
  return raw.toString('utf8', 0, end < 0 ? bytes : end);
}
