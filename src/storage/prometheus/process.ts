/** Metrics of the process, by the names that every Prometheus client gives them: of all threads, from /proc/self (proc(5)). */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { pageSize } from '../../procfs/page-size.ts';
import { counter, gauge, type OwnFamily } from './own-family.ts';

const SELF = '/proc/self';
const STARTED_SECONDS = Math.round(Date.now() / 1000 - process.uptime());

/** What cannot be read is left out. */
export function processFamilies(): OwnFamily[] {
  const { user, system } = process.cpuUsage();
  const [virtual, resident] = memory_bytes();
  return [
    counter('process_cpu_seconds_total', 'User and system CPU time, in seconds.', one((user + system) / 1e6)),
    gauge('process_start_time_seconds', 'Start of the process, in seconds since 1970.', one(STARTED_SECONDS)),
    gauge('process_resident_memory_bytes', 'Resident memory, in bytes.', one(resident)),
    gauge('process_virtual_memory_bytes', 'Virtual memory, in bytes.', one(virtual)),
    gauge('process_open_fds', 'Open file descriptors.', one(attempt(openDescriptors))),
    gauge('process_max_fds', 'Most file descriptors that may be open.', one(attempt(maxDescriptors))),
  ];
}

function one(value: number | undefined): { labels: Record<string, string>; value: number }[] {
  return value === undefined ? [] : [{ labels: {}, value }];
}

function memory_bytes(): (number | undefined)[] {
  const pages = attempt(() => readFileSync(`${SELF}/statm`, 'latin1'))?.split(' ') ?? [];
  const page_bytes = attempt(() => pageSize('/proc'));
  return pages.slice(0, 2).map((count) => page_bytes && Number(count) * page_bytes);
}

/** Since Linux 6.2 the size of the directory is their number; before it is 0. */
function openDescriptors(): number {
  return statSync(`${SELF}/fd`).size || readdirSync(`${SELF}/fd`).length;
}

function maxDescriptors(): number | undefined {
  const most = /^Max open files\s+(\d+|unlimited)/m.exec(readFileSync(`${SELF}/limits`, 'latin1'))?.[1];
  return most === 'unlimited' ? Number.POSITIVE_INFINITY : most === undefined ? undefined : Number(most);
}

function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
