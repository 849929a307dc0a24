/**
 * Netlink messages, as bytes and as values (include/uapi/linux/netlink.h, man 7 netlink). Pure functions: sockets are the
 * main thread's (src/kernel/netlink-socket.ts). Numbers are in the byte order of the host, which is little-endian wherever
 * the agent runs.
 */
import { viewOf } from '../bytes.ts';
import { HuatuoError } from '../error.ts';

/** `struct nlmsghdr`: u32 length, u16 type, u16 flags, u32 sequence, u32 port. */
const HEADER_BYTES = 16;
const ALIGNMENT = 4;

/** Protocols of include/uapi/linux/netlink.h. */
export const NETLINK_ROUTE = 0;

/** NLM_F_* of include/uapi/linux/netlink.h. */
const NLM_F_REQUEST = 0x1;
const NLM_F_MULTI = 0x2;
const NLM_F_DUMP_INTR = 0x10;
const NLM_F_DUMP = 0x300;

/** Types below NLMSG_MIN_TYPE are netlink's own. */
const NLMSG_NOOP = 1;
const NLMSG_ERROR = 2;
const NLMSG_DONE = 3;

export interface NetlinkMessage {
  readonly type: number;
  readonly flags: number;
  /** A view of the datagram. */
  readonly payload: Uint8Array;
}

/** A request for everything of one type; the answer is read with `dump`. */
export function dumpRequest(type: number, payload: Uint8Array): Uint8Array {
  return request(type, NLM_F_REQUEST | NLM_F_DUMP, payload);
}

/** A request for one thing; the answer is read with `ask`. */
export function oneRequest(type: number, payload: Uint8Array): Uint8Array {
  return request(type, NLM_F_REQUEST, payload);
}

function request(type: number, flags: number, payload: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(HEADER_BYTES + payload.byteLength);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, bytes.byteLength, true);
  view.setUint16(4, type, true);
  view.setUint16(6, flags, true);
  bytes.set(payload, HEADER_BYTES);
  return bytes;
}

/**
 * The messages of one datagram, in their order; the next one begins at a multiple of four.
 * @throws SOURCE_UNREADABLE when a message is longer than what is left of the datagram, or shorter than its own header
 */
export function messagesIn(datagram: Uint8Array): NetlinkMessage[] {
  const view = viewOf(datagram);
  const messages: NetlinkMessage[] = [];
  for (let start = 0; start < datagram.byteLength; ) {
    const left = datagram.byteLength - start;
    const length = left < HEADER_BYTES ? 0 : view.getUint32(start, true);
    if (length < HEADER_BYTES || length > left) throw truncated('message', length, left);
    messages.push({
      type: view.getUint16(start + 4, true),
      flags: view.getUint16(start + 6, true),
      payload: datagram.subarray(start + HEADER_BYTES, start + length),
    });
    start += align(length);
  }
  return messages;
}

/** What a message means to who has asked for a dump or listens to a group. */
export type Meaning =
  | { readonly kind: 'data' }
  | { readonly kind: 'nothing' }
  /** The end of a dump. */
  | { readonly kind: 'done' }
  /** The kernel refuses, as a positive errno; 0 is an acknowledgement. */
  | { readonly kind: 'error'; readonly errno: number };

/** @throws SOURCE_UNREADABLE when an error has no number */
export function meaningOf({ type, payload }: NetlinkMessage): Meaning {
  if (type === NLMSG_NOOP) return { kind: 'nothing' };
  if (type !== NLMSG_ERROR && type !== NLMSG_DONE) return { kind: 'data' };
  // A dump that failed on its way says so in its end.
  if (payload.byteLength < 4) throw truncated('errno', 4, payload.byteLength);
  const errno = 0 - viewOf(payload).getInt32(0, true);
  return type === NLMSG_DONE && errno <= 0 ? { kind: 'done' } : { kind: 'error', errno };
}

/** Whether more datagrams follow this one of an answer. @throws SOURCE_UNREADABLE */
export function isContinued(datagram: Uint8Array): boolean {
  return messagesIn(datagram).every(
    (message) => meaningOf(message).kind === 'data' && (message.flags & NLM_F_MULTI) !== 0,
  );
}

/** Whether what is dumped changed meanwhile, so that the answer is of no one moment. */
export function isInterrupted({ flags }: NetlinkMessage): boolean {
  return (flags & NLM_F_DUMP_INTR) !== 0;
}

/** Messages and attributes both begin at multiples of four. */
export function align(length: number): number {
  return (length + ALIGNMENT - 1) & ~(ALIGNMENT - 1);
}

/** Above 2^53 rounded. */
export function u64At(view: DataView, offset: number): number {
  return view.getUint32(offset + 4, true) * 2 ** 32 + view.getUint32(offset, true);
}

/** The kernel, or the driver of a device, lacks what is asked for. @param found the kernel's name of the error */
export function notSupported(found: string): HuatuoError {
  return new HuatuoError('KERNEL_FEATURE_MISSING', {
    expected: 'a kernel and a driver that answer this netlink request',
    found,
    remedy: 'it needs another kernel or device',
  });
}

/** @param length what it says of itself or has to have @param left what there is */
export function truncated(what: string, length: number, left: number): HuatuoError {
  return new HuatuoError('SOURCE_UNREADABLE', {
    expected: `a whole netlink ${what}`,
    found: `${left} bytes for a length of ${length}`,
    remedy: 'report it with the version of the kernel',
  });
}
