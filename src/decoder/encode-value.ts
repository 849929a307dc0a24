/** JavaScript values as keys and values of BPF maps: the inverse of value.ts. */
import { HuatuoError } from '../error.ts';
import type { FieldLayout } from '../schema/manifest.ts';
import { ipBytes } from './ip.ts';
import { USER_FRAME_BYTES, userFrameBytes } from './user-stack.ts';

/**
 * Encodes one key or value; padding is zero.
 * @param value as `decodeValue` gives it; whole numbers may be number or bigint alike
 * @param fields of a struct, or one field with an empty name for a scalar
 * @param bytes of the whole
 * @throws COLLECTOR_INVALID naming the field when something is missing or does not fit
 */
export function encodeValue(value: unknown, fields: readonly FieldLayout[], bytes: number): Uint8Array {
  const encoded = new Uint8Array(bytes);
  encodeFields(value, fields, encoded, '');
  return encoded;
}

function encodeFields(value: unknown, fields: readonly FieldLayout[], into: Uint8Array, path: string): void {
  const [only] = fields;
  if (only && only.name === '') {
    encodeField(value, only, into, path);
    return;
  }
  if (typeof value !== 'object' || value === null) throw refused(path, 'an object', value);
  for (const field of fields) {
    if (field.format === 'pad') continue;
    const name = field.json || field.name;
    const part = into.subarray(field.offset, field.offset + field.bytes);
    encodeField(
      (value as Record<string, unknown>)[name],
      field,
      part,
      path === '' ? name : `${path}.${name}`,
    );
  }
}

/** @param into the field's own bytes */
function encodeField(value: unknown, field: FieldLayout, into: Uint8Array, path: string): void {
  switch (field.format) {
    case 'struct':
      encodeFields(value, field.fields ?? [], into, path);
      return;
    case 'comm':
    case 'text': {
      const text = Buffer.from(typeof value === 'string' ? value : '');
      if (typeof value !== 'string' || text.length > field.bytes || text.includes(0))
        throw refused(path, `text of at most ${field.bytes} bytes`, value);
      into.set(text);
      return;
    }
    case 'ip_addr': {
      const address = typeof value === 'string' ? ipBytes(value) : undefined;
      if (!address) throw refused(path, 'an IP address', value);
      into.set(address);
      return;
    }
  }
  if (field.length === undefined) {
    encodeNumber(value, field, into, path);
    return;
  }
  if (field.format === 'ustack') {
    encodeUserStack(value, field, into, path);
    return;
  }
  // A stack is shorter than its room; the rest stays zero.
  const fits = Array.isArray(value) && (field.format === 'kstack' || value.length === field.length);
  if (!fits || value.length > field.length) throw refused(path, `an array of ${field.length}`, value);
  const bytes = field.bytes / field.length;
  for (const [index, element] of value.entries())
    encodeNumber(element, field, into.subarray(index * bytes, (index + 1) * bytes), `${path}[${index}]`);
}

function encodeUserStack(value: unknown, field: FieldLayout, into: Uint8Array, path: string): void {
  const length = field.length ?? 0;
  if (!Array.isArray(value) || value.length > length) throw refused(path, `at most ${length} frames`, value);
  for (const [index, element] of value.entries()) {
    const frame = typeof element === 'string' ? userFrameBytes(element) : undefined;
    if (!frame) throw refused(`${path}[${index}]`, 'a frame of a user stack', element);
    into.set(frame, index * USER_FRAME_BYTES);
  }
}

function encodeNumber(value: unknown, field: FieldLayout, into: Uint8Array, path: string): void {
  const bits = into.length * 8;
  const number = bitsOf(value, field);
  if (number === undefined) throw refused(path, `a ${field.format} value`, value);
  const wrapped = field.format === 'signed' ? BigInt.asIntN(bits, number) : BigInt.asUintN(bits, number);
  if (wrapped !== number) throw refused(path, `a number of ${bits} bits`, value);
  const unsigned = new Uint8Array(BigUint64Array.of(BigInt.asUintN(64, number)).buffer);
  into.set(unsigned.subarray(0, into.length));
}

function bitsOf(value: unknown, field: FieldLayout): bigint | undefined {
  if (typeof value === 'bigint') return value;
  if (typeof value === 'number') return Number.isInteger(value) ? BigInt(value) : undefined;
  if (typeof value === 'boolean') return field.format === 'bool' ? BigInt(value) : undefined;
  if (typeof value !== 'string') return undefined;
  if (field.format === 'hex' || field.format === 'kstack' || field.format === 'kframe')
    return /^0x[0-9a-f]{1,16}$/i.test(value) ? BigInt(value) : undefined;
  const known = Object.entries(field.enumerators ?? {}).find(([, name]) => name === value);
  return known && BigInt(known[0]);
}

function refused(path: string, expected: string, value: unknown): HuatuoError {
  const found = typeof value === 'bigint' ? `${value}n` : (JSON.stringify(value) ?? String(value));
  return new HuatuoError('COLLECTOR_INVALID', {
    expected: `${expected}${path === '' ? '' : ` for ${path}`}`,
    found: found.slice(0, 80),
    remedy: 'pass what the generated type of the map says',
  });
}
