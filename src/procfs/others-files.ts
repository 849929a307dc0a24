/**
 * Files that processes run code from now, whichever they are: what a process ran that has ended, as the C library or the program that
 * a script calls again and again, others often still run.
 */
import { readdirSync } from 'node:fs';
import {
  type ExecutableFile,
  type ExecutableMapping,
  executableMappings,
  fileName,
  mappedFile,
} from './executable-files.ts';
import { parseMountinfo, readMountinfo } from './mountinfo.ts';

/** Newest first: the next run of the same program, its brothers, its parent. */
const MAX_PROCESSES = 256;
const MAX_FILES = 2048;
/** Whose answers come from a process or another host. */
const REMOTE = /^(fuse|nfs|cifs|smb|9p|ceph)/;

/**
 * Those of the agent first, then of other processes, each once. Only what is on a file system that the agent sees and the kernel itself
 * answers for: whoever serves one of FUSE may let a reader wait for ever.
 * @param procfs mount point of procfs
 */
export function* othersFiles(procfs: string): Generator<ExecutableFile> {
  const devices = ownDevices(procfs);
  const met = new Set<string>();
  for (const process of ['self', ...newestProcesses(procfs)] as const) {
    for (const mapping of mappingsIfAllowed(procfs, process)) {
      const { inode, path } = mapping;
      if (inode === '' || met.has(inode)) continue;
      met.add(inode);
      if (devices.has(inode.slice(0, inode.indexOf(' '))))
        yield { name: fileName(path), path: mappedFile(procfs, process, mapping) };
      if (met.size === MAX_FILES) return;
    }
  }
}

function mappingsIfAllowed(procfs: string, process: number | 'self'): readonly ExecutableMapping[] {
  try {
    return executableMappings(procfs, process);
  } catch {
    return [];
  }
}

function newestProcesses(procfs: string): number[] {
  const pids = readdirSync(procfs).filter((name) => /^\d+$/.test(name));
  return pids
    .map(Number)
    .sort((a, b) => b - a)
    .slice(0, MAX_PROCESSES);
}

/** `<major>:<minor>` as in `maps`: hexadecimal, two digits at least. */
function ownDevices(procfs: string): ReadonlySet<string> {
  const local = parseMountinfo(readMountinfo(procfs)).filter(({ type }) => !REMOTE.test(type));
  return new Set(local.map(({ device }) => device.split(':').map(twoHexDigits).join(':')));
}

function twoHexDigits(decimal: string): string {
  return Number(decimal).toString(16).padStart(2, '0');
}
