/**
 * Keys and values of BPF maps as JavaScript values, by the layouts the build read from BTF. What comes out is what the
 * generated type of the map says (`mapFieldType` in src/schema/semantics.ts).
 *
 * 64-bit quantities become doubles (two 32-bit reads are ten times cheaper than a BigInt): exact up to 2^53, and sums over
 * CPUs add as such. Identities stay exact, since being nearly right is being wrong: cgroup ids and times are BigInt, and
 * so is every 64-bit number of a key, which must find its entry again.
 */
import type { FieldLayout } from '../schema/manifest.ts';
import { isExact, isQuantity, type MapSide } from '../schema/semantics.ts';
import { ipText } from './ip.ts';
import { userStack } from './user-stack.ts';

const TWO_32 = 0x1_0000_0000;

/**
 * Decodes one key or value.
 * @param fields of a struct, or one field with an empty name for a scalar
 * @param start byte offset in `view`
 * @param side of the map; a key's 64-bit numbers are BigInt
 */
export function decodeValue(
  view: DataView,
  start: number,
  fields: readonly FieldLayout[],
  side: MapSide = 'value',
): unknown {
  return eachField(fields, (field) => decodeField(view, start, field, side));
}

/**
 * One value out of several of the same layout, those of the CPUs or of a container's cgroups: quantities (counts,
 * durations, sizes, signed numbers) add. Identities do not: the first that is not zero stands, because a CPU that was
 * never there has only zeros to say.
 * @param views at least one, each beginning where its value begins
 */
export function foldValues(views: readonly DataView[], fields: readonly FieldLayout[], base = 0): unknown {
  const [first] = views;
  if (!first) throw new RangeError('nothing to fold');
  return eachField(fields, (field) => {
    const at = base + field.offset;
    if (field.format === 'struct') return foldValues(views, field.fields ?? [], at);
    if (isQuantity(field)) {
      const decoded = views.map((view) => decodeField(view, base, field, 'value'));
      return decoded.reduce(add);
    }
    const speaking = views.find((view) => !isZero(view, at, field.bytes)) ?? first;
    return decodeField(speaking, base, field, 'value');
  });
}

function eachField(fields: readonly FieldLayout[], decode: (field: FieldLayout) => unknown): unknown {
  const [only] = fields;
  if (only && only.name === '') return decode(only);
  const printed = fields.filter(({ format }) => format !== 'pad');
  return Object.fromEntries(printed.map((field) => [field.json || field.name, decode(field)]));
}

function add(into: unknown, from: unknown): unknown {
  if (typeof into === 'number') return into + (from as number);
  return (into as number[]).map((value, index) => value + (from as number[])[index]!);
}

function isZero(view: DataView, at: number, bytes: number): boolean {
  for (let index = 0; index < bytes; index++) if (view.getUint8(at + index) !== 0) return false;
  return true;
}

function decodeField(view: DataView, start: number, field: FieldLayout, side: MapSide): unknown {
  const at = start + field.offset;
  switch (field.format) {
    case 'comm':
    case 'text':
      return decodeText(bytesAt(view, at, field.bytes));
    case 'ip_addr':
      return ipText(bytesAt(view, at, field.bytes));
    case 'struct':
      return decodeValue(view, at, field.fields ?? [], side);
    case 'kstack':
      return decodeStack(view, at, field.length ?? 0);
    case 'ustack':
      return userStack(view, at, field.length ?? 0);
  }
  if (field.length === undefined) return decodeNumber(view, at, field.bytes, field, side);
  const bytes = field.bytes / field.length;
  return Array.from({ length: field.length }, (_, index) =>
    decodeNumber(view, at + index * bytes, bytes, field, side),
  );
}

function decodeNumber(view: DataView, at: number, bytes: number, field: FieldLayout, side: MapSide): unknown {
  switch (field.format) {
    case 'bool':
      return !isZero(view, at, bytes);
    case 'hex':
    case 'kframe':
      return `0x${unsigned(view, at, bytes).toString(16)}`;
    case 'enum': {
      const bits = unsigned(view, at, bytes);
      return field.enumerators?.[String(bits)] ?? (isExact(field, bytes, side) ? bits : Number(bits));
    }
  }
  const signed = field.format === 'signed';
  if (isExact(field, bytes, side)) return signed ? view.getBigInt64(at, true) : view.getBigUint64(at, true);
  return numberAt(view, at, bytes, signed);
}

/** @param bytes 1, 2, 4 or 8; of 8 the nearest double */
export function numberAt(view: DataView, at: number, bytes: number, signed: boolean): number {
  switch (bytes) {
    case 8: {
      const high = signed ? view.getInt32(at + 4, true) : view.getUint32(at + 4, true);
      return view.getUint32(at, true) + high * TWO_32;
    }
    case 4:
      return signed ? view.getInt32(at, true) : view.getUint32(at, true);
    case 2:
      return signed ? view.getInt16(at, true) : view.getUint16(at, true);
    default:
      return signed ? view.getInt8(at) : view.getUint8(at);
  }
}

function unsigned(view: DataView, at: number, bytes: number): bigint {
  if (bytes === 8) return view.getBigUint64(at, true);
  if (bytes === 4) return BigInt(view.getUint32(at, true));
  return BigInt(bytes === 2 ? view.getUint16(at, true) : view.getUint8(at));
}

/** Innermost first, up to the first empty slot. Names need the kernel's symbol table, which no map reader has. */
function decodeStack(view: DataView, at: number, length: number): string[] {
  const frames = Array.from({ length }, (_, index) => view.getBigUint64(at + index * 8, true));
  const end = frames.indexOf(0n);
  return frames.slice(0, end < 0 ? length : end).map((frame) => `0x${frame.toString(16)}`);
}

function decodeText(bytes: Buffer): string {
  const end = bytes.indexOf(0);
  return bytes.toString('utf8', 0, end < 0 ? bytes.length : end);
}

function bytesAt(view: DataView, at: number, bytes: number): Buffer {
  return Buffer.from(view.buffer, view.byteOffset + at, bytes);
}
