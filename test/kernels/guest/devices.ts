/** File systems and devices of which collectors tell, made of nothing: files, RAM disks, pairs of virtual network cards. */
import { run, say } from './commands.ts';

/** Each apart: what a kernel or a program lacks costs the values of one collector. */
const DEVICES: Readonly<Record<string, readonly string[]>> = {
  'an XFS': [
    'truncate -s 320M /var/tmp/xfs.img',
    'mkfs.xfs -q /var/tmp/xfs.img',
    'mkdir -p /mnt/xfs',
    'mount -o loop /var/tmp/xfs.img /mnt/xfs',
    'touch /mnt/xfs/one /mnt/xfs/two',
  ],
  'a RAID 1 of which a member is missing': [
    'mdadm --create /dev/md0 --run --level=1 --raid-devices=2 --metadata=1.2 /dev/ram0 missing',
  ],
  'connection tracking': [
    'nft add table ip matrix',
    `nft 'add chain ip matrix out { type filter hook output priority 0; }'`,
    'nft add rule ip matrix out ct state established accept',
  ],
  // It is refused, after a call that is counted.
  'calls of NFS': [
    'mkdir -p /mnt/nfs',
    'mount -i -t nfs4 -o vers=4.2,soft,timeo=10,retrans=1,addr=127.0.0.1,clientaddr=127.0.0.1 127.0.0.1:/ /mnt/nfs || true',
  ],
  'two bonds that are wired to each other': [
    'ip netns add far',
    'ip link add near0 type veth peer name far0 netns far',
    'ip link add near1 type veth peer name far1 netns far',
    ...bond('', 'near', 'ip'),
    ...bond('far', 'far', 'ip -n far'),
  ],
};

export async function makeDevices(): Promise<void> {
  for (const [name, commands] of Object.entries(DEVICES))
    await run('sh', '-c', ['set -e', ...commands].join('\n')).catch((error: Error) =>
      say(`${name}: ${error.message}`),
    );
}

/** Its ports are the cards whose names begin with that. */
function bond(suffix: string, cards: string, ip: string): string[] {
  const name = `bond0${suffix}`;
  const ports = [`${cards}0`, `${cards}1`];
  return [
    `${ip} link add ${name} type bond mode 802.3ad lacp_rate fast miimon 100`,
    ...ports.map((port) => `${ip} link set ${port} master ${name}`),
    ...[...ports, name].map((device) => `${ip} link set ${device} up`),
  ];
}
