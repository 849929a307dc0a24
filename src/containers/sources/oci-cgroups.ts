/** Cgroup paths as OCI runtimes write them down, as paths below the root of a hierarchy. */

const CGROUP_FS = '/sys/fs/cgroup/';

/**
 * `cgroup_paths` of runc's state.json: directories on the host, by controller; the unified hierarchy has the key ``.
 *
 *     v2       {"": "/sys/fs/cgroup/system.slice/runc-web.scope"}
 *     v1       {"memory": "/sys/fs/cgroup/memory/web", "cpu": "/sys/fs/cgroup/cpu,cpuacct/web", …}
 *     hybrid   v1 and {"": "/sys/fs/cgroup/unified/web"}
 *
 * Hierarchies that are mounted elsewhere are left out: where their root is, the path does not tell.
 */
export function statePaths(byController: Readonly<Record<string, string>>): readonly string[] {
  const pureV2 = Object.keys(byController).every((controller) => controller === '');
  const paths = Object.values(byController).flatMap((path) => {
    if (!path.startsWith(CGROUP_FS)) return [];
    const below = path.slice(CGROUP_FS.length - 1);
    return pureV2 ? [below] : [below.slice(below.indexOf('/', 1))];
  });
  return sane(paths);
}

/**
 * `linux.cgroupsPath` of an OCI config.json (runtime-spec, config-linux.md). `slice:prefix:name` is for a runtime that asks
 * systemd; one that does not makes a directory of that name. Which of the two runs is not in the file.
 */
export function specPaths(cgroupsPath: string): readonly string[] {
  const [slice, prefix, name, more] = cgroupsPath.split(':');
  const plain = cgroupsPath.startsWith('/') ? cgroupsPath : `/${cgroupsPath}`;
  if (slice === undefined || prefix === undefined || !name || more !== undefined) return sane([plain]);
  const unit = name.endsWith('.slice') ? name : `${prefix === '' ? '' : `${prefix}-`}${name}.scope`;
  return sane([`${sliceDirectory(slice || 'system.slice')}/${unit}`, plain]);
}

/** `cgroup-path` of crun's status: below the root already; older versions leave the first slash out. */
export function statusPaths(path: string): readonly string[] {
  return sane([path.startsWith('/') ? path : `/${path}`]);
}

/** systemd nests `a-b-c.slice` as a.slice/a-b.slice/a-b-c.slice (systemd.slice(5)); `-.slice` is the root. */
function sliceDirectory(slice: string): string {
  if (slice === '-.slice' || !slice.endsWith('.slice')) return slice === '-.slice' ? '' : `/${slice}`;
  const parts = slice.slice(0, -'.slice'.length).split('-');
  return parts.map((_, last) => `/${parts.slice(0, last + 1).join('-')}.slice`).join('');
}

/** No root, which would make the whole host one container, and no way out of the hierarchy. */
function sane(paths: readonly string[]): readonly string[] {
  const whole = paths.filter((path) => /^\/./.test(path) && !path.split('/').includes('..'));
  return [...new Set(whole.map((path) => path.replace(/(.)\/+$/, '$1')))].filter((path) => path !== '/');
}
