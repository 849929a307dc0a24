/** Netlink messages as a kernel writes them. */

function aligned(bytes: Uint8Array): Uint8Array {
  const padded = new Uint8Array((bytes.byteLength + 3) & ~3);
  padded.set(bytes);
  return padded;
}

export function attribute(type: number, ...value: readonly Uint8Array[]): Uint8Array {
  const body = Buffer.concat(value);
  const head = Buffer.alloc(4);
  head.writeUInt16LE(4 + body.byteLength);
  head.writeUInt16LE(type, 2);
  return aligned(Buffer.concat([head, body]));
}

export const u8 = (value: number): Uint8Array => Uint8Array.of(value);
export const u16 = (value: number): Uint8Array => new Uint8Array(Uint16Array.of(value).buffer);
export const u32 = (value: number): Uint8Array => new Uint8Array(Uint32Array.of(value).buffer);
export const text = (value: string): Uint8Array => Buffer.from(`${value}\0`);

export function message(type: number, flags: number, ...payload: readonly Uint8Array[]): Uint8Array {
  const body = Buffer.concat(payload);
  const head = Buffer.alloc(16);
  head.writeUInt32LE(16 + body.byteLength);
  head.writeUInt16LE(type, 4);
  head.writeUInt16LE(flags, 6);
  return aligned(Buffer.concat([head, body]));
}

/** `struct ifinfomsg` with its attributes. */
export function link(index: number, flags: number, ...attributes: readonly Uint8Array[]): Uint8Array {
  const head = Buffer.alloc(16);
  head.writeInt32LE(index, 4);
  head.writeUInt32LE(flags, 8);
  return Buffer.concat([head, ...attributes]);
}

export const RTM_NEWLINK = 16;
export const RTM_DELLINK = 17;
export const NLMSG_ERROR = 2;
export const NLMSG_DONE = 3;
export const NLM_F_MULTI = 2;
export const NLM_F_DUMP_INTR = 0x10;

export const u64 = (value: bigint): Uint8Array => new Uint8Array(BigUint64Array.of(value).buffer);
