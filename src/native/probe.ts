/** Whether this host can run a collector: what its kernel has (src/kernel/features.ts), and libbpf. */
import type { CatalogEntry } from '../config/catalog.ts';
import { HuatuoError } from '../error.ts';
import { type KernelPaths, probeAttachPoints, probeKernel } from '../kernel/features.ts';
import { libbpf } from './libbpf.ts';

/** @returns the reason why it cannot, or undefined. Reads the kernel's BTF (about 6 MB) once for a call. */
export function probe(entry: CatalogEntry, paths: KernelPaths): HuatuoError | undefined {
  if (!entry.manifest) return undefined;
  return probeHost(paths) ?? probeAttachPoints(entry.manifest.attachPoints, paths);
}

/** What every BPF collector needs of the host: root, BTF, libbpf. */
export function probeHost(paths: KernelPaths): HuatuoError | undefined {
  const lacking = probeKernel(paths);
  if (lacking) return lacking;
  try {
    libbpf();
    return undefined;
  } catch (error) {
    return HuatuoError.from(error, 'LIBBPF_MISSING', 'install libbpf 1.x');
  }
}
