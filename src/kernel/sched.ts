/**
 * Where and how eagerly one thread runs. Linux keeps affinity and nice for each thread (sched_setaffinity(2),
 * setpriority(2)), and a thread that a fenced one makes inherits both.
 */
import { existsSync, readFileSync } from 'node:fs';
import { HuatuoError } from '../error.ts';
import { errnoName } from './libbpf.ts';
import { getAffinityMask, getThreadNice, setAffinityMask, setThreadNice } from './libc.ts';

/** Width of every mask here: more CPUs than any kernel is built for (NR_CPUS is 8192 at most). */
const MASK_CPUS = 65536;
const CPU_DIRECTORY = '/sys/devices/system/cpu';

/**
 * Lets a thread run on these CPUs only.
 *
 * The kernel takes the CPUs of a list that it has and silently leaves out the others; here the others are an error,
 * after which the thread is confined to those that were taken, if there were any.
 * @param tid as in /proc/<pid>/task
 * @param cpus CPU numbers, at least one
 * @throws SYSCALL_FAILED naming each CPU that does not exist, is offline or is not this process's to use
 */
export function setAffinity(tid: number, cpus: readonly number[]): void {
  const mask = new Uint8Array(MASK_CPUS / 8);
  for (const cpu of cpus) mask[cpu >> 3]! |= 1 << (cpu & 7);
  const errno = setAffinityMask(tid, mask);
  const refused = errno === 0 || errnoName(errno) === 'EINVAL';
  const granted = new Set(errno === 0 ? affinity(tid) : []);
  const missing = refused ? cpus.filter((cpu) => !granted.has(cpu)) : [];
  if (errno === 0 && missing.length === 0) return;
  throw new HuatuoError('SYSCALL_FAILED', {
    expected: `thread ${tid} to be kept on CPUs ${cpus.join(',')}`,
    found: missing.length > 0 ? missing.map(whyMissing).join(', ') : errnoName(errno),
    remedy: 'name CPUs from /proc/self/status, Cpus_allowed_list',
  });
}

/** CPUs the thread may run on, ascending. @throws SYSCALL_FAILED when there is no such thread */
export function affinity(tid: number): number[] {
  const mask = new Uint8Array(MASK_CPUS / 8);
  const errno = getAffinityMask(tid, mask);
  if (errno !== 0) throw noThread(tid, 'the affinity', errno);
  return [...mask.entries()].flatMap(([byte, bits]) =>
    [0, 1, 2, 3, 4, 5, 6, 7].filter((bit) => bits & (1 << bit)).map((bit) => byte * 8 + bit),
  );
}

/**
 * @param nice -20 (eager) to 19 (modest); below the present value it takes CAP_SYS_NICE
 * @throws SYSCALL_FAILED
 */
export function setNice(tid: number, nice: number): void {
  const errno = setThreadNice(tid, nice);
  if (errno === 0) return;
  throw new HuatuoError('SYSCALL_FAILED', {
    expected: `thread ${tid} to run at nice ${nice}`,
    found: errnoName(errno),
    remedy: 'EACCES, EPERM: run as root or grant CAP_SYS_NICE; ESRCH: the thread is gone',
  });
}

/** @throws SYSCALL_FAILED when there is no such thread */
export function nice(tid: number): number {
  const answer = getThreadNice(tid);
  if ('nice' in answer) return answer.nice;
  throw noThread(tid, 'the nice value', answer.errno);
}

function whyMissing(cpu: number): string {
  const directory = `${CPU_DIRECTORY}/cpu${cpu}`;
  if (!existsSync(directory)) return `CPU ${cpu} does not exist`;
  // CPUs that cannot be switched off have no such file.
  const online = existsSync(`${directory}/online`) ? readFileSync(`${directory}/online`, 'utf8').trim() : '1';
  return online === '0' ? `CPU ${cpu} is offline` : `CPU ${cpu} is not in this agent's cpuset`;
}

function noThread(tid: number, what: string, errno: number): HuatuoError {
  return new HuatuoError('SYSCALL_FAILED', {
    expected: `${what} of thread ${tid}`,
    found: errnoName(errno),
    remedy: 'the thread has ended; its successor is fenced anew',
  });
}
