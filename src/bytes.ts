/** Bytes as the kernel lays them out. */

const UNPRINTABLE = /[^ -~]/g;

/** Of just these bytes, in the same memory. */
export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** C text of at most `size` bytes. What is not printable ASCII is a question mark for each byte: names of files may be UTF-8. */
export function textAt(bytes: Uint8Array, at: number, size: number): string {
  const field = bytes.subarray(at, at + size);
  const end = field.indexOf(0);
  return Buffer.from(end < 0 ? field : field.subarray(0, end))
    .toString('latin1')
    .replace(UNPRINTABLE, '?');
}

/** Reads a member of a struct that begins at `at`. */
export type MemberReader<T> = (view: DataView, at: number) => T;

/** @param offset of the member in its struct; as the others below */
export function u8(offset: number): MemberReader<number> {
  return (view, at) => view.getUint8(at + offset);
}

export function u32(offset: number): MemberReader<number> {
  return (view, at) => view.getUint32(at + offset, true);
}

export function u64(offset: number): MemberReader<bigint> {
  return (view, at) => view.getBigUint64(at + offset, true);
}

/** An array; `item` reads one of `length`. */
export function u64s(
  offset: number,
  length: number,
): { readonly length: number; item(view: DataView, at: number, index: number): bigint } {
  return { length, item: (view, at, index) => view.getBigUint64(at + offset + index * 8, true) };
}
