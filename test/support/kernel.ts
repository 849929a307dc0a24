/** What a test needs of the machine, as node:test's `skip` takes it: false, or the reason that is printed. */
import { btfPath, type KernelPaths, probeHost } from '../../src/kernel/features.ts';
import { kernelNames } from '../../src/kernel/kernel-names.ts';

export const HOST_PATHS: KernelPaths = { procfs: '/proc', sysfs: '/sys' };

/** For tests that make cgroups, namespaces, mounts or other users' processes. */
export function skipWithoutRoot(): string | false {
  return process.geteuid?.() === 0 ? false : 'not run as root';
}

/** For tests that load BPF programs: root, BTF, libbpf. */
export function skipWithoutBpf(): string | false {
  const lacking = probeHost(HOST_PATHS);
  if (lacking) return `cannot load BPF programs here: ${lacking.message}`;
  // Making cgroups, namespaces and other users' processes needs more than the right to load programs.
  return skipWithoutRoot();
}

/** For tests of programs that read what older kernels do not have. @param symbol any name of the kernel's BTF */
export function skipWithoutKernelType(symbol: string): string | false {
  const lacking = skipWithoutBpf();
  if (lacking) return lacking;
  return kernelNames(btfPath(HOST_PATHS))(symbol) ? false : `this kernel has no ${symbol}`;
}
