/** The few libc calls Node has no API for. Same rule as in libbpf.ts: signatures only here, prototypes beside them. */
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
const prctlName = libc.func(
  'int prctl(int option, const char *name, unsigned long a, unsigned long b, unsigned long c)',
);
const sysconf = libc.func('long sysconf(int name)');
const gettidCall = libc.func('int gettid(void)');

const MAP_FAILED = 0xffffffffffffffffn;
const CLOCK_REALTIME = 0;
const CLOCK_BOOTTIME = 7;
const SC_PAGESIZE = 30;
const PR_SET_NAME = 15;

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
      remedy: 'check the memory limit of the agent (ulimit -v, MemoryMax) and the ring sizes',
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

function clock_ns(id: number): bigint {
  const time = { tv_sec: 0, tv_nsec: 0 };
  clockGettime(id, time);
  return BigInt(time.tv_sec) * 1_000_000_000n + BigInt(time.tv_nsec);
}

/** CLOCK_BOOTTIME: what bpf_ktime_get_boot_ns() returns. */
export function boottime_ns(): bigint {
  return clock_ns(CLOCK_BOOTTIME);
}

/** CLOCK_REALTIME. */
export function realtime_ns(): bigint {
  return clock_ns(CLOCK_REALTIME);
}

/** What to add to CLOCK_BOOTTIME to get CLOCK_REALTIME; taken anew for each batch, because the wall clock is stepped. */
export function wallOffset_ns(): bigint {
  // The second reading brackets the first: half of the gap is the error, a few hundred nanoseconds.
  const before = boottime_ns();
  const wall = realtime_ns();
  return wall - (before + boottime_ns()) / 2n;
}

/** Names this thread for `top -H`; the kernel keeps 15 bytes. */
export function nameThread(name: string): void {
  prctlName(PR_SET_NAME, name.slice(0, 15), 0, 0, 0);
}

/** Kernel id of this thread, as in /proc/self/task. */
export function threadId(): number {
  return gettidCall() as number;
}
