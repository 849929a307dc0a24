/**
 * Hears the wake-ups of all rings, and of netlink sockets, in the supervisor's thread.
 *
 *   ring fd ─┐
 *   ring fd ─┼─EPOLLET─► our epoll fd ─level─► Node's loop (koffi.node.poll) ─► the collector's wake counter
 *   ring fd ─┘
 *
 * Node's loop is level-triggered, and a ring is readable for as long as one byte in it is uncommitted. Seen through an
 * edge-triggered epoll of our own it is heard once for each wake-up that a BPF program sends (bpf/include/event.h).
 *
 * It must not run in a worker: koffi 3 calls into JavaScript from the poll callback, and when its thread is being terminated
 * at that moment the call fails in a way that koffi answers with abort(), which ends the whole process.
 */
import { closeSync } from 'node:fs';
import koffi from 'koffi';
import { HuatuoError } from '../error.ts';
import { freshenClock } from './clock-keeper.ts';
import { lastErrno } from './libbpf.ts';

const libc = koffi.load('libc.so.6');
const epollCreate = libc.func('int epoll_create1(int flags)');
const epollControl = libc.func('int epoll_ctl(int epfd, int op, int fd, const uint8_t *event)');
const epollWait = libc.func('int epoll_wait(int epfd, uint8_t *events, int maxevents, int timeout)');

const EPOLL_CLOEXEC = 0x80000;
const EPOLL_CTL_ADD = 1;
const EPOLL_CTL_DEL = 2;
const EPOLLIN = 0x1;
const EPOLLET = 0x8000_0000;
/** `struct epoll_event` is packed on x86-64 only. Its second member is ours: the key of the watch. */
const [EVENT_BYTES, KEY_OFFSET] = process.arch === 'x64' ? [12, 4] : [16, 8];
const MAX_EVENTS = 64;

export class RingWatch implements Disposable {
  readonly #fd: number;
  readonly #handle: ReturnType<typeof koffi.node.poll>;
  readonly #wakes = new Map<number, () => void>();
  readonly #events = new Uint8Array(EVENT_BYTES * MAX_EVENTS);
  #nextKey = 1;

  /** @throws SYSCALL_FAILED */
  constructor() {
    this.#fd = epollCreate(EPOLL_CLOEXEC) as number;
    if (this.#fd < 0) throw epollError();
    // Kept in a field: the handle stops working when it is collected.
    this.#handle = koffi.node.poll(this.#fd, { readable: true }, () => this.#dispatch());
    this.#handle.unref();
  }

  /**
   * Calls `wake` for each wake-up of a ring; at once if there is something in it already.
   * @param ringFd stays the caller's, and open until the watch is disposed of
   * @throws SYSCALL_FAILED
   */
  add(ringFd: number, wake: () => void): Disposable {
    const key = this.#nextKey++;
    const event = new Uint8Array(EVENT_BYTES);
    const view = new DataView(event.buffer);
    view.setUint32(0, (EPOLLIN | EPOLLET) >>> 0, true);
    view.setUint32(KEY_OFFSET, key, true);
    if (epollControl(this.#fd, EPOLL_CTL_ADD, ringFd, event) !== 0) throw epollError();
    this.#wakes.set(key, wake);
    return {
      [Symbol.dispose]: () => {
        this.#wakes.delete(key);
        epollControl(this.#fd, EPOLL_CTL_DEL, ringFd, event);
      },
    };
  }

  [Symbol.dispose](): void {
    this.#wakes.clear();
    this.#handle.close();
    closeSync(this.#fd);
  }

  #dispatch(): void {
    freshenClock();
    const count = epollWait(this.#fd, this.#events, MAX_EVENTS, 0) as number;
    const view = new DataView(this.#events.buffer);
    for (let index = 0; index < count; index++) {
      this.#wakes.get(view.getUint32(index * EVENT_BYTES + KEY_OFFSET, true))?.();
    }
  }
}

function epollError(): HuatuoError {
  return new HuatuoError('SYSCALL_FAILED', {
    expected: 'an epoll descriptor for the rings',
    found: lastErrno(),
    remedy: 'check the memory limit of the agent, and fs.epoll.max_user_watches',
  });
}
