/** The cgroups a process is in: /proc/[pid]/cgroup, format in cgroups(7). */

export interface CgroupMembership {
  /** Number of the hierarchy, as BPF programs report it; 0 is v2. */
  readonly hierarchy: number;
  /** Of the cgroup in its hierarchy; the kernel appends ` (deleted)` when the directory is gone. */
  readonly path: string;
}

/**
 * Parses the whole file: lines like `5:cpu,cpuacct:/path`, and `0::/path` for v2. A line that is not in the format is
 * skipped.
 * @returns by controller; `unified` is v2, and a hierarchy without controllers has the key `name=systemd`
 */
export function parseCgroupMembership(text: string): Map<string, CgroupMembership> {
  const memberships = new Map<string, CgroupMembership>();
  for (const line of text.split('\n')) {
    const [, hierarchy, controllers, path] = /^(\d+):([^:]*):(\/.*)$/.exec(line) ?? [];
    if (controllers === undefined || path === undefined) continue;
    for (const controller of controllers === '' ? ['unified'] : controllers.split(','))
      memberships.set(controller, { hierarchy: Number(hierarchy), path });
  }
  return memberships;
}
