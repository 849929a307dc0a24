/**
 * An edge-triggered view of a file descriptor, as another descriptor: epoll(7) with EPOLLET, nested.
 *
 *   ring fd ──EPOLLET──► our epoll fd ──level──► Node's loop
 *
 * Node's loop is level-triggered, and a ring is readable for as long as one byte in it is uncommitted. Seen through an
 * epoll of its own it becomes readable once for each wake-up that a BPF program sends, and until `clear` is called.
 */
import { closeSync } from 'node:fs';
import koffi from 'koffi';
import { HuatuoError } from '../error.ts';
import { lastErrno } from './libbpf.ts';

const libc = koffi.load('libc.so.6');
const epollCreate = libc.func('int epoll_create1(int flags)');
const epollControl = libc.func('int epoll_ctl(int epfd, int op, int fd, const uint8_t *event)');
const epollWait = libc.func('int epoll_wait(int epfd, uint8_t *events, int maxevents, int timeout)');

const EPOLL_CLOEXEC = 0x80000;
const EPOLL_CTL_ADD = 1;
const EPOLLIN = 0x1;
const EPOLLET = 0x8000_0000;
/** `struct epoll_event` is 12 bytes on x86-64 and 16 elsewhere; its first word is the events, the rest stays zero. */
const EVENT_BYTES = 16;

export class EdgeTriggered implements Disposable {
  /** Readable when something happened since the last `clear`; belongs to this object. */
  readonly fd: number;
  readonly #event = new Uint8Array(EVENT_BYTES);

  /**
   * @param source stays the caller's and open; readable already counts as something that happened
   * @throws SYSCALL_FAILED
   */
  constructor(source: number) {
    this.fd = epollCreate(EPOLL_CLOEXEC) as number;
    if (this.fd < 0) throw epollError();
    new DataView(this.#event.buffer).setUint32(0, (EPOLLIN | EPOLLET) >>> 0, true);
    if (epollControl(this.fd, EPOLL_CTL_ADD, source, this.#event) === 0) return;
    closeSync(this.fd);
    throw epollError();
  }

  clear(): void {
    epollWait(this.fd, this.#event, 1, 0);
  }

  [Symbol.dispose](): void {
    closeSync(this.fd);
  }
}

function epollError(): HuatuoError {
  return new HuatuoError('SYSCALL_FAILED', {
    expected: 'an epoll descriptor for the ring',
    found: lastErrno(),
    remedy: 'raise the limit of open files of the agent (LimitNOFILE)',
  });
}
