/**
 * Netlink sockets, for which Node has no API. Two kinds, because they wait for different things:
 *
 *   listen    multicast; its fd is in the epoll of the rings, and reading it never waits
 *   exchange  a request and its answer. The kernel makes the answer while it is asked and read, under rtnl_mutex, which a
 *             driver may hold for seconds: these calls are made on koffi's threads and hold nothing up
 */
import { constants } from 'node:os';
import koffi from 'koffi';
import { HuatuoError } from '../error.ts';
import { isContinued, notSupported } from '../netlink/message.ts';
import type { NetlinkNotifications } from '../sdk/netlink.ts';
import { callInThread } from './call-in-thread.ts';
import { lastErrno } from './libbpf.ts';
import { closeFd } from './libc.ts';
import type { RingWatch } from './ring-watch.ts';

const libc = koffi.load('libc.so.6');
const socket = libc.func('int socket(int domain, int type, int protocol)');
const bind = libc.func('int bind(int fd, const uint8_t *address, uint32_t length)');
const setsockopt = libc.func(
  'int setsockopt(int fd, int level, int name, const uint8_t *value, uint32_t length)',
);
const sendto = libc.func(
  'int64_t sendto(int fd, const uint8_t *data, size_t size, int flags, const uint8_t *address, uint32_t length)',
);
const recvfrom = libc.func(
  'int64_t recvfrom(int fd, uint8_t *data, size_t size, int flags, uint8_t *address, uint8_t *length)',
);

/** include/linux/socket.h, include/uapi/asm-generic/socket.h */
const AF_NETLINK = 16;
const SOCK_RAW = 3;
const SOCK_CLOEXEC = 0o2000000;
const SOL_SOCKET = 1;
const SO_RCVBUFFORCE = 33;
const SOL_NETLINK = 270;
const MSG_TRUNC = 0x20;
const MSG_DONTWAIT = 0x40;
/** include/uapi/linux/netlink.h */
const NETLINK_ADD_MEMBERSHIP = 1;
/** `struct sockaddr_nl`: u16 family, u16 padding, u32 port, u32 groups. Port 0 is the kernel. */
const ADDRESS_BYTES = 12;
const PORT_OFFSET = 4;

/** Twice the largest datagram of a dump (netlink_dump in net/netlink/af_netlink.c). */
const DATAGRAM_BYTES = 64 << 10;
/** Of notifications, in the kernel: about a thousand changes of links. */
const BUFFER_BYTES = 1 << 20;
const MAX_ANSWER_BYTES = 16 << 20;
/** What one call of a worker gets. */
const MAX_DATAGRAMS = 64;

/**
 * Sends a request and reads datagrams until the last one of its answer.
 * @throws SYSCALL_FAILED
 */
export async function exchange(protocol: number, request: Uint8Array): Promise<Uint8Array[]> {
  const fd = open(protocol);
  try {
    if ((await sendTo(fd, request)) < 0) throw failed('a netlink request to be taken');
    const answer: Uint8Array[] = [];
    for (let bytes = 0; bytes <= MAX_ANSWER_BYTES; ) {
      const datagram = await receiveFrom(fd);
      answer.push(datagram);
      if (!isContinued(datagram)) return answer;
      bytes += datagram.byteLength;
    }
    throw failed(`a netlink answer of at most ${MAX_ANSWER_BYTES} bytes`);
  } finally {
    closeFd(fd);
  }
}

/** A socket that listens to groups. What the reader has not fetched is in the kernel, which counts nothing it drops but says so. */
export class NetlinkListener implements Disposable {
  readonly #fd: number;
  readonly #watching: Disposable;
  readonly #buffer = new Uint8Array(DATAGRAM_BYTES);
  readonly #address = new Uint8Array(ADDRESS_BYTES);
  readonly #addressLength = new Uint8Array(4);
  #readable = Promise.withResolvers<void>();
  #closed = false;

  /** @throws SYSCALL_FAILED */
  constructor(watch: RingWatch, protocol: number, groups: readonly number[]) {
    this.#fd = open(protocol);
    try {
      // Refused without CAP_NET_ADMIN: then the default has to do.
      setsockopt(this.#fd, SOL_SOCKET, SO_RCVBUFFORCE, int32(BUFFER_BYTES), 4);
      for (const group of groups)
        if (setsockopt(this.#fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, int32(group), 4) !== 0)
          throw failed(`netlink group ${group} of protocol ${protocol}`, lastErrno());
      this.#watching = watch.add(this.#fd, () => this.#readable.resolve());
    } catch (error) {
      closeFd(this.#fd);
      throw error;
    }
  }

  /** Resolves when there is something, or when it is disposed of. One caller at a time. @throws SYSCALL_FAILED */
  async receive(): Promise<NetlinkNotifications> {
    while (!this.#closed) {
      const found = this.#read();
      if (found.datagrams.length > 0 || found.lost) return found;
      await this.#readable.promise;
    }
    return { datagrams: [], lost: false };
  }

  [Symbol.dispose](): void {
    this.#closed = true;
    this.#readable.resolve();
    this.#watching[Symbol.dispose]();
    closeFd(this.#fd);
  }

  #read(): NetlinkNotifications {
    // Renewed before the fd is read: what comes behind the last look is heard.
    this.#readable = Promise.withResolvers();
    const datagrams: Uint8Array[] = [];
    while (datagrams.length < MAX_DATAGRAMS) {
      const next = this.#next();
      if (next === 'nothing') break;
      if (next === 'lost') return this.#skip();
      if (next !== 'ignored') datagrams.push(next);
    }
    return { datagrams, lost: false };
  }

  /**
   * What waits is older than what was lost, and the whole will be asked for: told behind that, it would undo it. The kernel
   * adds nothing until all is read (netlink_overrun), so this ends.
   */
  #skip(): NetlinkNotifications {
    while (this.#next() !== 'nothing');
    return { datagrams: [], lost: true };
  }

  #next(): Uint8Array | 'nothing' | 'lost' | 'ignored' {
    this.#addressLength.set(int32(ADDRESS_BYTES));
    const { byteLength } = this.#buffer;
    const flags = MSG_DONTWAIT | MSG_TRUNC;
    const bytes = Number(
      recvfrom(this.#fd, this.#buffer, byteLength, flags, this.#address, this.#addressLength),
    );
    if (bytes < 0) {
      const errno = koffi.errno();
      if (errno === constants.errno.EAGAIN) return 'nothing';
      if (errno === constants.errno.ENOBUFS) return 'lost';
      throw failed('notifications of the kernel', lastErrno());
    }
    if (bytes > byteLength) return 'lost';
    // Any root process may send to the socket; only the kernel has port 0.
    return int32Of(this.#address, PORT_OFFSET) === 0 ? this.#buffer.slice(0, bytes) : 'ignored';
  }
}

function open(protocol: number): number {
  const fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol) as number;
  if (fd < 0 && koffi.errno() === constants.errno.EPROTONOSUPPORT) throw notSupported('EPROTONOSUPPORT');
  if (fd < 0) throw failed(`a netlink socket of protocol ${protocol}`, lastErrno());
  // For a port of its own: notifications are kept from the one that has caused them, and one without port is taken for the kernel.
  if (bind(fd, kernelAddress(), ADDRESS_BYTES) === 0) return fd;
  const found = lastErrno();
  closeFd(fd);
  throw failed('a netlink port', found);
}

function sendTo(fd: number, data: Uint8Array): Promise<number> {
  return callInThread(sendto, fd, data, data.byteLength, 0, kernelAddress(), ADDRESS_BYTES);
}

/** Port 0, no groups. To bind to it is to ask for any port. */
function kernelAddress(): Uint8Array {
  const address = new Uint8Array(ADDRESS_BYTES);
  address[0] = AF_NETLINK;
  return address;
}

/** Of exchanges that have ended: most are one after the other, and to make one anew costs more than the call it is for. */
const buffers: Uint8Array[] = [];
const MAX_BUFFERS = 2;

/** The kernel has answered when the request was taken: there is nothing to wait for but the lock. */
async function receiveFrom(fd: number): Promise<Uint8Array> {
  const buffer = buffers.pop() ?? new Uint8Array(DATAGRAM_BYTES);
  try {
    return await receiveInto(fd, buffer);
  } finally {
    if (buffers.length < MAX_BUFFERS) buffers.push(buffer);
  }
}

async function receiveInto(fd: number, buffer: Uint8Array): Promise<Uint8Array> {
  const address = new Uint8Array(ADDRESS_BYTES);
  const flags = MSG_DONTWAIT | MSG_TRUNC;
  const bytes = await callInThread(
    recvfrom,
    fd,
    buffer,
    DATAGRAM_BYTES,
    flags,
    address,
    int32(ADDRESS_BYTES),
  );
  if (bytes < 0 || bytes > DATAGRAM_BYTES || int32Of(address, PORT_OFFSET) !== 0)
    throw failed('the rest of a netlink answer');
  // Of its own size: a view is cloned to another thread with all that it is a view of.
  return buffer.slice(0, bytes);
}

function int32(value: number): Uint8Array {
  return new Uint8Array(Int32Array.of(value).buffer);
}

function int32Of(bytes: Uint8Array, offset: number): number {
  return new DataView(bytes.buffer).getInt32(offset, true);
}

function failed(expected: string, found = 'that the kernel does not give it'): HuatuoError {
  return new HuatuoError('SYSCALL_FAILED', {
    expected,
    found,
    remedy: 'run as root; the collector tries again',
  });
}
