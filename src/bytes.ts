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
