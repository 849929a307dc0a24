/** From a kernel's packages to what boots: the kernel, and an initrd of busybox and the modules that a virtio root needs. */
import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, globSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

/** With what they are told, in the order in which they are asked for: what the guest needs to boot, and what its tests make devices of. */
const MODULES: Readonly<Record<string, string>> = {
  virtio_pci: '',
  virtio_blk: '',
  virtio_net: '',
  ext4: '',
  virtio_rng: '',
  dummy: '',
  veth: '',
  bonding: 'max_bonds=0',
  nft_ct: '',
  loop: '',
  brd: 'rd_nr=1 rd_size=20480',
  raid1: '',
  xfs: '',
  nfsv4: '',
  aer_inject: '',
  'mce-inject': '',
};

export interface BootFiles {
  readonly kernel: string;
  readonly initrd: string;
}

/**
 * @param root of the unpacked packages
 * @param directory gets the files
 */
export function makeBootFiles(version: string, root: string, directory: string): BootFiles {
  const [kernel, initrd] = [join(directory, 'vmlinuz'), join(directory, 'initrd')];
  // From 7.x on it lies among the modules, which are moved below.
  if (!existsSync(kernel))
    copyFileSync(globSync([`${root}/boot/vmlinuz*`, `${root}/**/vmlinuz*`])[0]!, kernel);
  // modprobe looks in lib/modules below the directory it is told.
  const base = join(directory, 'base');
  const place = join(base, 'lib/modules', version);
  if (!existsSync(place)) {
    mkdirSync(dirname(place), { recursive: true });
    renameSync(globSync(`${root}/**/modules/${version}`)[0]!, place);
    execFileSync('depmod', ['-b', base, version]);
  }
  packInitrd(base, version, join(directory, 'ird'), initrd);
  return { kernel, initrd };
}

function packInitrd(base: string, version: string, tree: string, initrd: string): void {
  rmSync(tree, { recursive: true, force: true });
  for (const name of ['bin', 'm', 'proc', 'sys', 'dev', 'root'])
    mkdirSync(join(tree, name), { recursive: true });
  copyFileSync('/bin/busybox', join(tree, 'bin/busybox'));
  const told = new Map<string, string>();
  for (const [name, parameters] of Object.entries(MODULES)) {
    const files = filesOf(base, version, name);
    for (const path of files) told.set(path, told.get(path) ?? (path === files.at(-1) ? parameters : ''));
  }
  for (const path of told.keys()) {
    const copy = join(tree, 'm', basename(path));
    copyFileSync(path, copy);
    if (copy.endsWith('.xz')) execFileSync('xz', ['-d', copy]);
    if (copy.endsWith('.zst')) execFileSync('zstd', ['-q', '-d', '--rm', copy]);
  }
  const lines = [...told].map(
    ([path, parameters]) => `${basename(path).replace(/\.(xz|zst)$/, '')} ${parameters}`,
  );
  writeFileSync(join(tree, 'init'), initScript(lines), { mode: 0o755 });
  execFileSync('sh', ['-c', `find . | cpio -o -H newc --quiet | gzip -1 > "$0"`, initrd], { cwd: tree });
  rmSync(tree, { recursive: true });
}

/** The module and what it depends on, in the order to load them; nothing for what is built in or not there. */
function filesOf(base: string, version: string, module: string): string[] {
  try {
    const options = { encoding: 'utf8', stdio: 'pipe' } as const;
    const lines = execFileSync('modprobe', ['-d', base, '-S', version, '--show-depends', module], options);
    return [...lines.matchAll(/^insmod (\S+)/gm)].map(([, path = '']) => path);
  } catch {
    return [];
  }
}

function initScript(modules: readonly string[]): string {
  return `#!/bin/busybox sh
b=/bin/busybox; $b mount -t proc p /proc; $b mount -t sysfs s /sys; $b mount -t devtmpfs d /dev
${modules.map((line) => `$b insmod /m/${line} 2>/dev/null`).join('\n')}
i=0; while [ ! -b /dev/vda ] && [ $i -lt 100 ]; do $b sleep 0.1; i=$((i+1)); done
$b mount -t ext4 /dev/vda /root || exec $b sh
$b mount --move /dev /root/dev; $b umount /sys /proc
exec $b switch_root /root /sbin/init
`;
}
