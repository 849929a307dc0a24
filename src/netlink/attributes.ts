/**
 * The attributes behind the fixed head of a netlink message: `struct nlattr` of include/uapi/linux/netlink.h, which is u16
 * length (its own four bytes included), u16 type, value, padded to a multiple of four.
 *
 * Kernels add attributes, so those that are not asked for are passed over. One that is there and has another size than its
 * reader expects is an error: it would be another attribute.
 */
import { viewOf } from '../bytes.ts';
import { align, truncated, u64At } from './message.ts';

const HEADER_BYTES = 4;
/** NLA_F_NESTED and NLA_F_NET_BYTEORDER say how to read a value, not which one it is. */
const NLA_TYPE_MASK = 0x3fff;

export class Attributes {
  readonly #values = new Map<number, Uint8Array>();

  /**
   * @param bytes stays the caller's, and must not change while the values are read
   * @param offset of the first one: the size of the fixed head
   * @throws SOURCE_UNREADABLE when one is longer than what is left, or shorter than its own head
   */
  constructor(bytes: Uint8Array, offset = 0) {
    // Of several of one type the last counts, as in the kernel's own nla_parse().
    for (const [type, value] of attributesIn(bytes, offset)) this.#values.set(type, value);
  }

  /** Each reader answers undefined for an attribute that is not there. */
  u8(type: number): number | undefined {
    return this.#number(type, 1)?.getUint8(0);
  }

  u16(type: number): number | undefined {
    return this.#number(type, 2)?.getUint16(0, true);
  }

  u32(type: number): number | undefined {
    return this.#number(type, 4)?.getUint32(0, true);
  }

  /** Above 2^53 rounded, as all values of metrics are. */
  u64(type: number): number | undefined {
    const value = this.#number(type, 8);
    return value && u64At(value, 0);
  }

  /** A number for which the kernel takes as few bytes as it needs: 4 or 8 (nla_put_uint()). */
  uint(type: number): number | undefined {
    return this.#values.get(type)?.byteLength === 4 ? this.u32(type) : this.u64(type);
  }

  s32(type: number): number | undefined {
    return this.#number(type, 4)?.getInt32(0, true);
  }

  /** Text to its NUL, or to the end where there is none. */
  text(type: number): string | undefined {
    const value = this.#values.get(type);
    if (value === undefined) return undefined;
    const end = value.indexOf(0);
    return Buffer.from(value.subarray(0, end === -1 ? value.byteLength : end)).toString();
  }

  /** A hardware address as `52:54:00:12:34:56`. */
  address(type: number): string | undefined {
    const value = this.#values.get(type);
    return value && Array.from(value, (byte) => byte.toString(16).padStart(2, '0')).join(':');
  }

  /** A struct, which later kernels may have made longer. @param least bytes that its reader needs */
  struct(type: number, least: number): DataView | undefined {
    const value = this.#values.get(type);
    if (value && value.byteLength < least) throw truncated(`attribute ${type}`, least, value.byteLength);
    return value && viewOf(value);
  }

  has(type: number): boolean {
    return this.#values.has(type);
  }

  nested(type: number): Attributes | undefined {
    const value = this.#values.get(type);
    return value && new Attributes(value);
  }

  /** The elements of a list: attributes that are all of one type and have attributes in them. */
  list(type: number): Attributes[] {
    const value = this.#values.get(type);
    return value ? Array.from(attributesIn(value, 0), ([, element]) => new Attributes(element)) : [];
  }

  #number(type: number, bytes: number): DataView | undefined {
    const value = this.#values.get(type);
    if (value && value.byteLength !== bytes) throw truncated(`attribute ${type}`, bytes, value.byteLength);
    return value && viewOf(value);
  }
}

function* attributesIn(bytes: Uint8Array, offset: number): Generator<readonly [number, Uint8Array]> {
  const view = viewOf(bytes);
  if (offset > bytes.byteLength) throw truncated('head', offset, bytes.byteLength);
  for (let start = offset; start < bytes.byteLength; ) {
    const left = bytes.byteLength - start;
    const length = left < HEADER_BYTES ? 0 : view.getUint16(start, true);
    if (length < HEADER_BYTES || length > left) throw truncated('attribute', length, left);
    const value = bytes.subarray(start + HEADER_BYTES, start + length);
    yield [view.getUint16(start + 2, true) & NLA_TYPE_MASK, value];
    start += align(length);
  }
}

/** One attribute with a 32-bit number, for a request. */
export function u32Attribute(type: number, value: number): Uint8Array {
  const bytes = attribute(type, 4);
  viewOf(bytes).setUint32(HEADER_BYTES, value, true);
  return bytes;
}

/** One attribute with text, for a request. */
export function textAttribute(type: number, value: string): Uint8Array {
  const text = Buffer.from(`${value}\0`);
  const bytes = attribute(type, text.byteLength);
  bytes.set(text, HEADER_BYTES);
  return bytes;
}

function attribute(type: number, size: number): Uint8Array {
  const bytes = new Uint8Array(align(HEADER_BYTES + size));
  const view = viewOf(bytes);
  view.setUint16(0, HEADER_BYTES + size, true);
  view.setUint16(2, type, true);
  return bytes;
}
