/** Names of devices and network namespaces by the numbers kernel programs see. */
import { readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';

/** Where `ip netns` keeps its namespaces. */
const NAMED_NAMESPACES = '/run/netns';
const MAX_NAMED = 4096;
const MAX_PROCESSES = 32_768;
/** The host's init: its network namespace is the host's. */
const INIT = 1;

/**
 * @param device dev_t as the kernel has it: major << 20 | minor
 * @returns `sda1`, or `8:1` when sysfs does not have it
 */
export function blockDeviceName(sysfs: string, device: number): string {
  const number = `${device >>> 20}:${device & 0xfffff}`;
  try {
    return basename(readlinkSync(join(sysfs, 'dev/block', number)));
  } catch {
    return number;
  }
}

/** Inode of the network namespace of a process; undefined when it is gone. */
export function netnsOf(procfs: string, pid: number | 'self'): number | undefined {
  try {
    const [, inode] = /^net:\[(\d+)\]$/.exec(readlinkSync(join(procfs, String(pid), 'ns/net'))) ?? [];
    return inode === undefined ? undefined : Number(inode);
  } catch {
    return undefined;
  }
}

/** That of init, or of the agent where init's may not be looked at. */
export function hostNetns(procfs: string): number | undefined {
  return netnsOf(procfs, INIT) ?? netnsOf(procfs, 'self');
}

/** @returns `host`, the name `ip netns` gave it, or undefined */
export function netnsName(procfs: string, inode: number): string | undefined {
  if (inode === hostNetns(procfs)) return 'host';
  // Not every root may look through the root of process 1; the agent's own is the host's where it is in no container.
  const places = [join(procfs, String(INIT), 'root', NAMED_NAMESPACES), NAMED_NAMESPACES];
  for (const place of places) {
    const name = namesIn(place).find((one) => inodeOf(join(place, one)) === inode);
    if (name !== undefined) return name;
  }
  return undefined;
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory).slice(0, MAX_NAMED);
  } catch {
    return [];
  }
}

function inodeOf(path: string): number | undefined {
  try {
    return statSync(path).ino;
  } catch {
    return undefined;
  }
}

/** A process in each network namespace that has one, by inode: of the first processes of the host, which are at most 32,768. */
export function processesByNetns(procfs: string): ReadonlyMap<number, number> {
  const found = new Map<number, number>();
  const pids = readdirSync(procfs).filter((name) => /^\d+$/.test(name));
  for (const pid of pids.slice(0, MAX_PROCESSES)) {
    const netns = netnsOf(procfs, Number(pid));
    if (netns !== undefined && !found.has(netns)) found.set(netns, Number(pid));
  }
  return found;
}

/**
 * The interface with this index. No file lists all with their index, but every one that is up is in one of these.
 * @param pid a process in the namespace; 1 for the host's
 */
export function interfaceName(procfs: string, pid: number, index: number): string | undefined {
  const directory = join(procfs, String(pid), 'net');
  const hexIndex = index.toString(16).padStart(2, '0');
  const patterns = [
    ['igmp', new RegExp(`^${index}\\s+(\\S+)\\s*:`, 'm')],
    ['if_inet6', new RegExp(`^[0-9a-f]{32} ${hexIndex} .* (\\S+)$`, 'm')],
    ['dev_mcast', new RegExp(`^${index}\\s+(\\S+)`, 'm')],
  ] as const;
  for (const [file, pattern] of patterns) {
    const [, name] = pattern.exec(readText(join(directory, file))) ?? [];
    if (name !== undefined) return name;
  }
  return undefined;
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
