/** CPU and memory of a process as /proc tells them. */
import { readdirSync, readFileSync } from 'node:fs';

/** USER_HZ, which Linux fixes at 100 on every architecture Node runs on. */
const TICKS_PER_SECOND = 100;

/** utime + stime of a process, its children not included. */
export function cpuSeconds(pid: number): number {
  return statSeconds(`/proc/${pid}/stat`);
}

/** The same in nanoseconds, of the threads that it has now. */
export function cpuNanoseconds(pid: number): number {
  let sum = 0;
  for (const tid of readdirSync(`/proc/${pid}/task`)) {
    try {
      sum += Number(readFileSync(`/proc/${pid}/task/${tid}/schedstat`, 'utf8').split(' ', 1)[0]);
    } catch {
      // The thread ended between the two reads.
    }
  }
  return sum;
}

/** The same for each of its threads; threads of one name are added up. */
export function cpuSecondsByThread(pid: number): Map<string, number> {
  return byThread(pid, (directory) => statSeconds(`${directory}/stat`));
}

function byThread(pid: number, read: (directory: string) => number): Map<string, number> {
  const threads = new Map<string, number>();
  for (const tid of readdirSync(`/proc/${pid}/task`)) {
    const directory = `/proc/${pid}/task/${tid}`;
    try {
      const name = readFileSync(`${directory}/comm`, 'utf8').trim();
      threads.set(name, (threads.get(name) ?? 0) + read(directory));
    } catch {
      // The thread ended between the two reads.
    }
  }
  return threads;
}

/** What each thread used between two readings, most first: `softirq 1.20 s, journal 0.80 s`; below 10 ms left out. */
export function usageBetween(before: Map<string, number>, after: Map<string, number>): [string, number][] {
  return [...after]
    .map(([name, seconds]): [string, number] => [name, seconds - (before.get(name) ?? 0)])
    .filter(([, seconds]) => seconds >= 1 / TICKS_PER_SECOND)
    .sort(([, a], [, b]) => b - a);
}

/** How often the process's threads have gone to sleep, and so were woken; those that ended are left out. */
export function sleeps(pid: number): number {
  let sum = 0;
  for (const tid of readdirSync(`/proc/${pid}/task`)) {
    try {
      const status = readFileSync(`/proc/${pid}/task/${tid}/status`, 'utf8');
      sum += Number(/^voluntary_ctxt_switches:\s+(\d+)/m.exec(status)?.[1] ?? 0);
    } catch {
      // The thread ended between the two reads.
    }
  }
  return sum;
}

/** How often each thread has called read(2) and its like, threads of one name together. What is in mapped memory, such as a ring, takes none. */
function fileReadsByThread(pid: number): Map<string, number> {
  return byThread(pid, (directory) =>
    Number(/^syscr: (\d+)/m.exec(readFileSync(`${directory}/io`, 'utf8'))?.[1] ?? 0),
  );
}

interface Resident {
  readonly total_bytes: number;
  /** Of a page that several processes map, each has its part (PSS). */
  readonly proportional_bytes: number;
  /** Mapped files: programs, libraries, and the rings of the kernel. */
  readonly file_bytes: number;
}

export function resident(pid: number): Resident {
  const field = (file: string, name: string): number =>
    1024 * Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(readFileSync(file, 'utf8'))?.[1]);
  const status = `/proc/${pid}/status`;
  return {
    total_bytes: field(status, 'VmRSS'),
    proportional_bytes: field(`/proc/${pid}/smaps_rollup`, 'Pss'),
    file_bytes: field(status, 'RssFile') + field(status, 'RssShmem'),
  };
}

/** Fields 14 and 15; the name in field 2 may hold spaces and parentheses. */
function statSeconds(path: string): number {
  const stat = readFileSync(path, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

/** All of it at one moment; by thread where it says so. */
interface Usage {
  readonly now_ms: number;
  readonly cpu_seconds: number;
  /** CPU seconds. */
  readonly threads: Map<string, number>;
  readonly reads: Map<string, number>;
  readonly resident_bytes: number;
}

export function usageOf(pid: number): Usage {
  return {
    now_ms: performance.now(),
    cpu_seconds: cpuSeconds(pid),
    threads: cpuSecondsByThread(pid),
    reads: fileReadsByThread(pid),
    resident_bytes: resident(pid).total_bytes,
  };
}
