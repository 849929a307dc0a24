/**
 * The attributes behind the fixed head of a netlink message: `struct nlattr` of include/uapi/linux/netlink.h, which is u16
 * length (its own four bytes included), u16 type, value, padded to a multiple of four.
 *
 * Kernels add attributes, so those that nobody asks for are passed over. One that is there and has another size than its
 * reader expects is an error: it would be another attribute.
 */
import { align, truncated, viewOf } from './message.ts';

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
    const view = viewOf(bytes);
    if (offset > bytes.byteLength) throw truncated('head', offset, bytes.byteLength);
    for (let start = offset; start < bytes.byteLength; ) {
      const left = bytes.byteLength - start;
      const length = left < HEADER_BYTES ? 0 : view.getUint16(start, true);
      if (length < HEADER_BYTES || length > left) throw truncated('attribute', length, left);
      // Of several of one type the last counts, as in the kernel's own nla_parse().
      this.#values.set(
        view.getUint16(start + 2, true) & NLA_TYPE_MASK,
        bytes.subarray(start + HEADER_BYTES, start + length),
      );
      start += align(length);
    }
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

  has(type: number): boolean {
    return this.#values.has(type);
  }

  nested(type: number): Attributes | undefined {
    const value = this.#values.get(type);
    return value && new Attributes(value);
  }

  #number(type: number, bytes: number): DataView | undefined {
    const value = this.#values.get(type);
    if (value && value.byteLength !== bytes) throw truncated(`attribute ${type}`, bytes, value.byteLength);
    return value && viewOf(value);
  }
}

/** One attribute with a 32-bit number, for a request. */
export function u32Attribute(type: number, value: number): Uint8Array {
  const bytes = new Uint8Array(HEADER_BYTES + 4);
  const view = viewOf(bytes);
  view.setUint16(0, bytes.byteLength, true);
  view.setUint16(2, type, true);
  view.setUint32(HEADER_BYTES, value, true);
  return bytes;
}
