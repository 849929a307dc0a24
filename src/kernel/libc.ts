/**
 * The few libc calls Node has no API for. Same rules as in libbpf.ts: main thread only. What one file alone calls, for netlink,
 * epoll or ethtool, is declared there.
 */
import koffi from 'koffi';
import { HuatuoError } from '../error.ts';
import { lastErrno, type Pointer } from './libbpf.ts';

const libc = koffi.load('libc.so.6');
const Timespec = koffi.struct('timespec', { tv_sec: 'int64_t', tv_nsec: 'int64_t' });
void Timespec;

const mmapCall = libc.func(
  'void *mmap(void *addr, size_t length, int prot, int flags, int fd, int64_t offset)',
);
const munmapCall = libc.func('int munmap(void *addr, size_t length)');
const clockGettime = libc.func('int clock_gettime(int clockid, _Out_ timespec *tp)');
const sysconf = libc.func('long sysconf(int name)');
const syscallCall = libc.func('long syscall(long number, int a, unsigned int b, int c)');
const perfEventOpen = libc.func(
  'long syscall(long number, const uint8_t *attr, int pid, int cpu, int group_fd, unsigned long flags)',
);
const mountCall = libc.func(
  'int mount(const char *source, const char *target, const char *type, unsigned long flags, const char *data)',
);
const closeCall = libc.func('int close(int fd)');
const flockCall = libc.func('int flock(int fd, int operation)');
const schedSetaffinity = libc.func('int sched_setaffinity(int tid, size_t size, const uint8_t *mask)');
const schedGetaffinity = libc.func('int sched_getaffinity(int tid, size_t size, _Out_ uint8_t *mask)');
const setpriorityCall = libc.func('int setpriority(int which, uint32_t who, int nice)');
const getpriorityCall = libc.func('int getpriority(int which, uint32_t who)');
const socketCall = libc.func('int socket(int domain, int type, int protocol)');
const sendtoCall = libc.func(
  'int64_t sendto(int fd, const uint8_t *data, size_t size, int flags, const uint8_t *address, uint32_t length)',
);

const mallocTrim = libc.func('int malloc_trim(size_t pad)');
const mallopt = libc.func('int mallopt(int param, int value)');
const madviseCall = libc.func('int madvise(void *addr, size_t length, int advice)');

const M_TRIM_THRESHOLD = -1;
const M_MMAP_THRESHOLD = -3;
const MADV_DONTNEED = 4;
const MAP_FAILED = 0xffffffffffffffffn;
const SC_PAGESIZE = 30;
/** glibc has no wrappers for these. */
const SYS_PERF_EVENT_OPEN = process.arch === 'arm64' ? 241 : 298;
const PERF_FLAG_FD_CLOEXEC = 8;
const SYS_MEMBARRIER = process.arch === 'arm64' ? 283 : 324;
const MEMBARRIER_CMD_GLOBAL = 1;
const PRIO_PROCESS = 0;
const LOCK_EX = 2;
const LOCK_NB = 4;
const MS_NOSUID = 2;
const MS_NODEV = 4;
const MS_NOEXEC = 8;
const AF_UNIX = 1;
const SOCK_DGRAM = 2;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;
const MSG_NOSIGNAL = 0x4000;

export const CLOCK_REALTIME = 0;
export const CLOCK_BOOTTIME = 7;
export const PROT_READ = 1;
export const PROT_WRITE = 2;
export const MAP_SHARED = 0x01;
export const MAP_PRIVATE = 0x02;
export const MAP_FIXED = 0x10;
export const MAP_ANONYMOUS = 0x20;

/**
 * mmap(2).
 * @param address where, with MAP_FIXED; 0n lets the kernel choose
 * @returns the address; the caller unmaps it
 * @throws MAP_FAILED with the errno
 */
export function mmap(
  address: Pointer,
  length: number,
  prot: number,
  flags: number,
  fd: number,
  offset: number,
): Pointer {
  const mapped = mmapCall(address, length, prot, flags, fd, offset) as Pointer | null;
  if (mapped === null || mapped === MAP_FAILED || mapped === -1n) {
    throw new HuatuoError('MAP_FAILED', {
      found: `mmap of ${length} bytes at file offset ${offset} failed with ${lastErrno()}`,
      remedy: 'check the memory limits of the agent (ulimit -v, LimitAS=, MemoryMax=) and the ring sizes',
    });
  }
  return mapped;
}

/** munmap(2); whoever still holds a view of the range must not use it again. */
export function munmap(address: Pointer, length: number): void {
  munmapCall(address, length);
}

/** System page size in bytes: 4096 on x86-64, up to 65536 on arm64. */
export const PAGE_BYTES: number = Number(sysconf(SC_PAGESIZE));

/** clock_gettime(2). @param id CLOCK_REALTIME or CLOCK_BOOTTIME */
export function clock_ns(id: number): bigint {
  const time = { tv_sec: 0, tv_nsec: 0 };
  clockGettime(id, time);
  return BigInt(time.tv_sec) * 1_000_000_000n + BigInt(time.tv_nsec);
}

/** Gives freed pages in the middle of malloc's heaps back to the system. */
export function trimMalloc(): void {
  mallocTrim(0);
}

/** From which size on a block is a mapping of its own, and how much freed memory malloc keeps (mallopt(3)). */
export function setMallocThresholds(bytes: number): void {
  mallopt(M_MMAP_THRESHOLD, bytes);
  mallopt(M_TRIM_THRESHOLD, bytes);
}

/** Whole pages. */
export interface AddressRange {
  readonly start: bigint;
  readonly end: bigint;
}

/** madvise(2) with MADV_DONTNEED: pages of a file are read from it again when they are touched, others are lost. */
export function forgetPages({ start, end }: AddressRange): void {
  madviseCall(start, Number(end - start), MADV_DONTNEED);
}

/**
 * Resolves when every non-sleepable BPF program that is running now, on any CPU, has ended: membarrier(2) waits for an RCU
 * grace period, some milliseconds, and a program is an RCU reader. Does nothing on a kernel that runs with nohz_full,
 * which refuses the command.
 */
export function waitForRunningPrograms(): Promise<void> {
  return new Promise((resolve) => {
    syscallCall.async(SYS_MEMBARRIER, MEMBARRIER_CMD_GLOBAL, 0, 0, () => resolve());
  });
}

/** 0n, or the errno of the call that just answered `result`. Must be asked before any other foreign call. */
function errnoOf(result: number | bigint): number {
  return Number(result) < 0 ? koffi.errno() : 0;
}

/**
 * perf_event_open(2) of an event that counts on one CPU, whoever runs there.
 * @param attr a `struct perf_event_attr`
 * @returns the fd, the caller's to close, or minus the errno
 */
export function openPerfEvent(attr: Uint8Array, cpu: number): number {
  const fd = Number(perfEventOpen(SYS_PERF_EVENT_OPEN, attr, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC));
  return fd < 0 ? -koffi.errno() : fd;
}

/** Mounts a file system without device of its own (`bpf`): no programs, devices or set-uid files. @returns 0 or the errno */
export function mount(type: string, target: string, options: string): number {
  return errnoOf(mountCall(type, target, type, MS_NOSUID | MS_NODEV | MS_NOEXEC, options) as number);
}

/** Closes an fd that came from a foreign call: Node warns of its own close() in a worker for fds it has not opened. */
export function closeFd(fd: number): void {
  closeCall(fd);
}

/** Takes the exclusive lock of an open file, without waiting; it goes with the file. @returns 0 or the errno (EAGAIN: held) */
export function lockFile(fd: number): number {
  return errnoOf(flockCall(fd, LOCK_EX | LOCK_NB) as number);
}

/** sched_setaffinity(2) of one thread. @param mask bit n of byte m is CPU 8 m + n. @returns 0 or the errno */
export function setAffinityMask(tid: number, mask: Uint8Array): number {
  return errnoOf(schedSetaffinity(tid, mask.byteLength, mask) as number);
}

/** sched_getaffinity(2): fills `mask`, which must be at least as wide as the kernel's. @returns 0 or the errno */
export function getAffinityMask(tid: number, mask: Uint8Array): number {
  return errnoOf(schedGetaffinity(tid, mask.byteLength, mask) as number);
}

/** setpriority(2) of one thread: Linux keeps a nice value for each of them. @returns 0 or the errno */
export function setThreadNice(tid: number, nice: number): number {
  return errnoOf(setpriorityCall(PRIO_PROCESS, tid, nice) as number);
}

/** getpriority(2) of one thread, or the errno; -1 is a nice value too, so errno is what tells. */
export function getThreadNice(tid: number): { readonly nice: number } | { readonly errno: number } {
  koffi.errno(0);
  const nice = getpriorityCall(PRIO_PROCESS, tid) as number;
  const errno = koffi.errno();
  return errno === 0 ? { nice } : { errno };
}

/** A datagram socket of the Unix domain that never blocks. @returns its fd, the caller's to close, or minus the errno */
export function unixDatagramSocket(): number {
  const fd = socketCall(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0) as number;
  return fd < 0 ? -koffi.errno() : fd;
}

/**
 * Sends one datagram.
 * @param path file system path, or a name in the abstract namespace when it starts with `@`; at most 107 bytes
 * @returns 0 or the errno
 */
export function sendUnixDatagram(fd: number, path: string, data: Uint8Array): number {
  const name = Buffer.from(path);
  const abstract = name[0] === 0x40;
  if (abstract) name[0] = 0;
  // A path ends in NUL, an abstract name where the length says.
  const address = Buffer.concat([Uint8Array.of(AF_UNIX, 0), name, Buffer.alloc(abstract ? 0 : 1)]);
  return errnoOf(sendtoCall(fd, data, data.byteLength, MSG_NOSIGNAL, address, address.byteLength) as number);
}
