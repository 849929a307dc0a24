/** Room in the file systems of the host. One that does not answer costs its own samples, and one process. */
import { type HostMount, isReadOnly, readHostMounts } from '../../procfs/host-mounts.ts';
import {
  type FileSystemSize,
  isLocal,
  localSize,
  sizeByProcess,
  stillHangs,
  type Unanswered,
} from '../../procfs/statfs.ts';
import { type Collector, defineMetric, gauge, nameFilter, pattern, type State } from '../../sdk/index.ts';

/** For those that are asked in a process of their own, all at once. */
const WAIT_MS = 1_000;
/** Most of those in one scrape. */
const MAX_PROCESSES = 64;

/** As node_exporter's, and what containers have mounted where kubelet and containerd keep it. */
const MOUNT_POINTS =
  '/(dev|proc|sys|run/credentials/.+|run/(k3s/)?containerd/.+|var/lib/(docker|containerd|containers/storage|kubelet/pods)/.+)(/.*)?';
const TYPES =
  'autofs|binfmt_misc|bpf|cgroup2?|configfs|debugfs|devpts|devtmpfs|efivarfs|fusectl|hugetlbfs|iso9660|mqueue|nsfs|overlay|proc|procfs|pstore|rpc_pipefs|securityfs|selinuxfs|squashfs|erofs|sysfs|tracefs';

const labels = ['device', 'fstype', 'mountpoint'] as const;
const shown = (name: string, help: string) => gauge({ name: `huatuo_filesystem_${name}`, help, labels });

const SIZES = {
  size_bytes: shown('size_bytes', 'Size of the file system.'),
  free_bytes: shown('free_bytes', 'Room in the file system, with what only root may take.'),
  available_bytes: shown('avail_bytes', 'Room in the file system for all users.'),
  files: shown('files', 'Inodes of the file system.'),
  files_free: shown('files_free', 'Inodes of the file system that are free.'),
} as const satisfies Record<keyof FileSystemSize, unknown>;

const collector: Collector = defineMetric({
  doc: 'Shows how much room is left in the file systems of the host, and which do not answer.',
  about: {
    question:
      'How much room and how many inodes are left in the file systems of the host, which are read-only, and which do not answer?',
    reads:
      '/proc/self/mountinfo; statfs(2), for network and FUSE file systems in a process of its own (stat of coreutils)',
    kernel: 'any',
    falsePositives:
      'A mount point that is hidden below another mount shows what covers it. A file system that makes inodes as needed (btrfs) says 0. device_error is also 1 when stat(1) is not installed, or could not be started within 1 s',
  },
  options: {
    include: pattern('', 'Mount points to show; empty for all'),
    exclude: pattern(MOUNT_POINTS, 'Mount points to leave out; empty for none'),
    types_include: pattern('', 'Types of file systems to show; empty for all'),
    types_exclude: pattern(TYPES, 'Types of file systems to leave out; empty for none'),
  },
  metrics: {
    ...SIZES,
    readonly: shown('readonly', '1 if nothing can be written there; else 0.'),
    device_error: shown(
      'device_error',
      '1 if the file system did not tell its size, or not in time; else 0.',
    ),
    not_asked: gauge({
      name: 'huatuo_filesystem_not_asked',
      help: 'Network and FUSE file systems beyond the 64 that one scrape asks; of their room nothing is known.',
    }),
  },
  async update({ metrics, options, paths, state, log }) {
    const isShown = nameFilter(options);
    const isType = nameFilter({ include: options.types_include, exclude: options.types_exclude });
    const mounts = readHostMounts(paths.procfs).filter(
      ({ mountPoint, type }) => isShown(mountPoint) && isType(type),
    );
    const remote = mounts.filter(({ type }) => !isLocal(type));
    const notAsked = new Set(remote.slice(MAX_PROCESSES));
    metrics.not_asked.set(notAsked.size);
    if (notAsked.size > 0)
      log.warn('more file systems have to be asked than one scrape may', { not_asked: notAsked.size });
    const answers = await askRemote(remote.slice(0, MAX_PROCESSES), state);
    for (const mount of mounts) {
      const own = { device: mount.source, fstype: mount.type, mountpoint: mount.mountPoint };
      const size = isLocal(mount.type) ? sizeOf(mount) : answers.get(mount.mountPoint);
      metrics.readonly.set(isReadOnly(mount) ? 1 : 0, own);
      if (notAsked.has(mount)) continue;
      metrics.device_error.set(size ? 0 : 1, own);
      for (const kind of size ? (Object.keys(SIZES) as (keyof FileSystemSize)[]) : [])
        metrics[kind].set(size![kind], own);
    }
  },
});
export default collector;

function sizeOf({ path }: HostMount): FileSystemSize | undefined {
  try {
    return localSize(path);
  } catch {
    return undefined;
  }
}

type Hanging = Readonly<Record<string, Unanswered>>;

/** Asks all at once, but those whose last process still hangs. @returns what was answered in time, by mount point */
async function askRemote(
  mounts: readonly HostMount[],
  state: State,
): Promise<ReadonlyMap<string, FileSystemSize>> {
  const hanging: Record<string, Unanswered> = {};
  for (const [mountPoint, unanswered] of Object.entries(state.get<Hanging>() ?? {}))
    if (stillHangs(unanswered)) hanging[mountPoint] = unanswered;
  const answers = new Map<string, FileSystemSize>();
  await Promise.all(
    mounts
      .filter(({ mountPoint }) => !hanging[mountPoint])
      .map(async ({ mountPoint, path }) => {
        const answer = await sizeByProcess(path, WAIT_MS);
        if (answer === undefined) return;
        if ('pid' in answer) hanging[mountPoint] = answer;
        else answers.set(mountPoint, answer);
      }),
  );
  if (Object.keys(hanging).length > 0 || state.get() !== undefined) state.set(hanging);
  return answers;
}
