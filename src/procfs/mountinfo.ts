/** Mounts of this process: /proc/[pid]/mountinfo, format in proc_pid_mountinfo(5). */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Mount {
  /** `<major>:<minor>` of the file system, decimal. */
  readonly device: string;
  /** Directory of the file system that is mounted here; `/` unless it is a bind mount or in a namespace. */
  readonly root: string;
  readonly mountPoint: string;
  /** Of this mount, such as `ro` and `noatime`. */
  readonly options: readonly string[];
  readonly type: string;
  /** What is mounted: a device, `server:/export`, or any word. */
  readonly source: string;
  /** Options of the file system, such as the controllers of a cgroup v1 hierarchy. */
  readonly superOptions: readonly string[];
}

/**
 * Reads the mounts as this process sees them.
 * @param procfs mount point of procfs
 * @throws the errno's error
 */
export function readMountinfo(procfs: string): string {
  return readFileSync(join(procfs, 'self', 'mountinfo'), 'utf8');
}

/** Parses the whole file; a line that is not in the format is skipped. */
export function parseMountinfo(text: string): Mount[] {
  return text.split('\n').flatMap((line) => parseLine(line) ?? []);
}

/** `36 35 98:0 /root /mount rw,noatime [tag[:value]]... - type source rw,super,options` */
function parseLine(line: string): Mount | undefined {
  const fields = line.split(' ');
  const [, , device, root, mountPoint, options] = fields;
  const separator = fields.indexOf('-', 6);
  const [type, source = '', superOptions] = fields.slice(separator + 1);
  if (!device || !root || !mountPoint || !options || separator < 0 || !type || superOptions === undefined)
    return undefined;
  return {
    device,
    root: unescapeField(root),
    mountPoint: unescapeField(mountPoint),
    options: options.split(','),
    type,
    source: unescapeField(source),
    superOptions: superOptions.split(','),
  };
}

/** The kernel writes space, tab, newline, backslash and # as three octal digits. */
function unescapeField(field: string): string {
  return field.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}
