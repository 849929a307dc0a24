/** Names of system packages. Pure: `system.ts` looks and installs. */

export type Need = 'clang' | 'libbpf' | 'libbpf headers' | 'kernel headers' | 'bpftool';

interface Distribution {
  readonly name: string;
  readonly command: string;
  readonly packages: Readonly<Record<Need, string>>;
}

/** On Ubuntu `bpftool` may be part of linux-tools. libbpf1 needs Debian 12, Ubuntu 23.04 or later. */
const DEBIAN: Distribution = {
  name: 'Debian, Ubuntu',
  command: 'apt-get install',
  packages: {
    clang: 'clang',
    libbpf: 'libbpf1',
    'libbpf headers': 'libbpf-dev',
    'kernel headers': 'linux-libc-dev',
    bpftool: 'bpftool',
  },
};

const OTHERS: readonly Distribution[] = [
  {
    name: 'Fedora, RHEL',
    command: 'dnf install',
    packages: {
      clang: 'clang',
      libbpf: 'libbpf',
      'libbpf headers': 'libbpf-devel',
      'kernel headers': 'kernel-headers',
      bpftool: 'bpftool',
    },
  },
  {
    name: 'Arch',
    command: 'pacman -S',
    packages: {
      clang: 'clang',
      libbpf: 'libbpf',
      'libbpf headers': 'libbpf',
      'kernel headers': 'linux-api-headers',
      bpftool: 'bpf',
    },
  },
  {
    name: 'openSUSE',
    command: 'zypper install',
    packages: {
      clang: 'clang',
      libbpf: 'libbpf1',
      'libbpf headers': 'libbpf-devel',
      'kernel headers': 'linux-glibc-devel',
      bpftool: 'bpftool',
    },
  },
  {
    name: 'Alpine (builds BPF objects; the agent itself needs glibc)',
    command: 'apk add',
    packages: {
      clang: 'clang',
      libbpf: 'libbpf',
      'libbpf headers': 'libbpf-dev',
      'kernel headers': 'linux-headers',
      bpftool: 'bpftool',
    },
  },
];

/**
 * Arguments of apt-get, the update first. bpftool has a call of its own: some releases do not have it under that name,
 * and apt-get would then install none of the others.
 */
export function aptCommands(needs: readonly Need[]): readonly (readonly string[])[] {
  const install = ['install', '--yes', '--no-install-recommends'];
  const needed = namesOf(
    DEBIAN,
    needs.filter((need) => need !== 'bpftool'),
  );
  return [
    ['update', '--quiet'],
    ...(needed.length > 0 ? [[...install, ...needed]] : []),
    ...(needs.includes('bpftool') ? [[...install, ...namesOf(DEBIAN, ['bpftool'])]] : []),
  ];
}

/** One line for each distribution: `Fedora, RHEL: dnf install clang libbpf`. */
export function otherDistributions(needs: readonly Need[]): readonly string[] {
  return [DEBIAN, ...OTHERS].map((distribution) => {
    return `${distribution.name}: ${distribution.command} ${namesOf(distribution, needs).join(' ')}`;
  });
}

function namesOf(distribution: Distribution, needs: readonly Need[]): string[] {
  return [...new Set(needs.map((need) => distribution.packages[need]))];
}
