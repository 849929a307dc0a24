/** The OCI runtime specification's config.json, as far as a test needs it. */

export interface ContainerSpec {
  /** Runs as root of all its namespaces, found through PATH. @default sleep 600 */
  readonly args: readonly string[];
  /** @default huatuo-test */
  readonly hostname: string;
  /** Of memory and swap together. @default none */
  readonly memoryLimit_bytes: number;
  /** @default none */
  readonly annotations: Readonly<Record<string, string>>;
}

/** The first line tells that init runs, and hides what the runtime may have printed before. */
const HOLD = 'echo started; read -r go; exec "$@"';
const NO_MEMORY_LIMIT = -1;

/** @param cgroup path below the mount points, with a leading slash */
export function bundleConfig(
  cgroup: string,
  {
    args = ['sleep', '600'],
    hostname = 'huatuo-test',
    memoryLimit_bytes = NO_MEMORY_LIMIT,
    annotations = {},
  }: Partial<ContainerSpec>,
): object {
  return {
    ociVersion: '1.0.2',
    root: { path: 'rootfs' },
    hostname,
    annotations,
    process: {
      cwd: '/',
      user: { uid: 0, gid: 0 },
      env: ['PATH=/bin'],
      args: ['sh', '-c', HOLD, 'sh', ...args],
    },
    mounts: [
      { destination: '/proc', type: 'proc', source: 'proc' },
      { destination: '/dev', type: 'tmpfs', source: 'tmpfs', options: ['nosuid', 'mode=755'] },
    ],
    linux: {
      cgroupsPath: cgroup,
      namespaces: ['pid', 'mount', 'ipc', 'uts', 'network'].map((type) => ({ type })),
      resources: { memory: { limit: memoryLimit_bytes, swap: memoryLimit_bytes } },
    },
  };
}
