/** Names of system packages. Pure: `system.ts` looks and installs. */

/** What the build and the agent need. */
type AgentNeed = 'clang' | 'libbpf' | 'libbpf headers' | 'kernel headers' | 'bpftool';

/** What only tests need, those with real containers and with network namespaces; they skip without. */
export const TEST_NEEDS = ['runc', 'crun', 'busybox', 'iproute2'] as const;

export type Need = AgentNeed | (typeof TEST_NEEDS)[number];

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
    runc: 'runc',
    crun: 'crun',
    busybox: 'busybox-static',
    iproute2: 'iproute2',
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
      runc: 'runc',
      crun: 'crun',
      busybox: 'busybox',
      iproute2: 'iproute-tc',
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
      runc: 'runc',
      crun: 'crun',
      busybox: 'busybox',
      iproute2: 'iproute2',
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
      runc: 'runc',
      crun: 'crun',
      busybox: 'busybox-static',
      iproute2: 'iproute2',
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
      runc: 'runc',
      crun: 'crun',
      busybox: 'busybox',
      iproute2: 'iproute2',
    },
  },
];

/** Packages that some releases do not have, or not under that name, and that nothing fails without. */
const DISPENSABLE: ReadonlySet<Need> = new Set<Need>(['bpftool', ...TEST_NEEDS]);

/**
 * Arguments of apt-get, the update first. Each dispensable package has a call of its own, because apt-get installs none
 * of a list with an unknown name. For their sake nothing is removed either: Docker's own containerd.io, say, conflicts
 * with runc.
 */
export function aptCommands(needs: readonly Need[]): readonly (readonly string[])[] {
  const install = ['install', '--yes', '--no-install-recommends'];
  const required = namesOf(
    DEBIAN,
    needs.filter((need) => !DISPENSABLE.has(need)),
  );
  const dispensable = namesOf(
    DEBIAN,
    needs.filter((need) => DISPENSABLE.has(need)),
  );
  return [
    ['update', '--quiet'],
    ...(required.length > 0 ? [[...install, ...required]] : []),
    ...dispensable.map((name) => [...install, '--no-remove', name]),
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
