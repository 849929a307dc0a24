/** What is booted: a kernel, and how systemd sets up cgroups there. */

export type Hierarchy = 'unified' | 'hybrid' | 'legacy';

/** What the command is given: `6.1`, or `6.1:legacy`. */
export interface Boot {
  readonly name: string;
  /** A release (`6.1`) or a whole version (`6.1.0-56-cloud-amd64`). */
  readonly kernel: string;
  readonly hierarchy: Hierarchy;
}

export const DEFAULT = ['5.10', '6.1', '6.12', '6.18', '7.3', '5.10:legacy', '5.10:hybrid'];

export const HIERARCHIES: Readonly<
  Record<Hierarchy, { readonly title: string; readonly commandLine: string }>
> = {
  unified: { title: 'v2', commandLine: 'systemd.unified_cgroup_hierarchy=1' },
  hybrid: {
    title: 'v1 and v2',
    commandLine: 'systemd.unified_cgroup_hierarchy=0 systemd.legacy_systemd_cgroup_controller=0',
  },
  legacy: {
    title: 'v1',
    commandLine: 'systemd.unified_cgroup_hierarchy=0 systemd.legacy_systemd_cgroup_controller=1',
  },
};

/** @throws Error for what is no boot */
export function parseBoot(name: string): Boot {
  const [kernel = '', hierarchy = 'unified', ...rest] = name.split(':');
  if (!/^\d+\.\d/.test(kernel) || !Object.hasOwn(HIERARCHIES, hierarchy) || rest.length > 0)
    throw new Error(
      `expected KERNEL or KERNEL:${Object.keys(HIERARCHIES).join('|')} with a kernel such as 6.1, found ${name}`,
    );
  return { name, kernel, hierarchy: hierarchy as Hierarchy };
}

/** The release of Debian whose own kernel is as old, or older by least: its systemd is what hosts with such a kernel have. */
export function suiteOf(kernelVersion: string): 'bookworm' | 'trixie' {
  const [major = 0, minor = 0] = kernelVersion.split('.').map((part) => Number.parseInt(part, 10));
  return major > 6 || (major === 6 && minor >= 12) ? 'trixie' : 'bookworm';
}
