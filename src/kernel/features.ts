/**
 * What this kernel can do, asked by looking and not by comparing version numbers: distributions back-port, and
 * locked-down kernels leave out.
 */
import { existsSync, readFileSync } from 'node:fs';
import { release } from 'node:os';
import { join } from 'node:path';
import { HuatuoError } from '../error.ts';
import type { ObjectManifest } from '../schema/manifest.ts';
import { libbpf } from './libbpf.ts';

export interface KernelPaths {
  readonly procfs: string;
  readonly sysfs: string;
}

/** Section prefixes whose target is a tracepoint by its kernel name; `tp` and `tracepoint` name a category too. */
const BY_TRACEPOINT = /^(?:tp_btf|raw_tp|raw_tracepoint)\/(\w+)/;
const BY_CATEGORY = /^(?:tp|tracepoint)\/(?!syscalls\/)\w+\/(\w+)/;

/**
 * Whether the kernel has what one object attaches to (`tp_btf/softirq_raise`), and lets this process load it.
 * @returns the reason why not, or undefined. Reads the kernel's BTF (about 6 MB) once for a call.
 */
export function probeAttachPoints(
  attachPoints: readonly string[],
  paths: KernelPaths,
): HuatuoError | undefined {
  return probeKernel(paths) ?? missingTracepoint(attachPoints, kernelBtf(paths));
}

/** What every BPF collector needs of the kernel: the right to load programs, and BTF. */
export function probeKernel(paths: KernelPaths): HuatuoError | undefined {
  if (!mayLoadBpf()) {
    return new HuatuoError('PERMISSION_DENIED', {
      expected: 'root, or CAP_BPF and CAP_PERFMON',
      found: `user id ${process.geteuid?.()} without them`,
      remedy: 'run as root: sudo npm start',
    });
  }
  if (!existsSync(btfPath(paths))) {
    return new HuatuoError('BTF_MISSING', {
      expected: `the kernel's type information in ${btfPath(paths)}`,
      found: `none on Linux ${release()}`,
      remedy: 'use a kernel built with CONFIG_DEBUG_INFO_BTF=y (Linux 5.8 or later), or check --path.sysfs',
    });
  }
  return undefined;
}

/** Capability bits of linux/capability.h. CAP_SYS_ADMIN includes the two newer ones (Linux 5.8). */
const CAP_SYS_ADMIN = 1n << 21n;
const CAP_BPF_AND_PERFMON = (1n << 38n) | (1n << 39n);

function mayLoadBpf(): boolean {
  const effective = /^CapEff:\s*([0-9a-f]+)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
  const capabilities = BigInt(`0x${effective ?? '0'}`);
  return (
    (capabilities & CAP_SYS_ADMIN) !== 0n || (capabilities & CAP_BPF_AND_PERFMON) === CAP_BPF_AND_PERFMON
  );
}

function btfPath(paths: KernelPaths): string {
  return join(paths.sysfs, 'kernel/btf/vmlinux');
}

/** The kernel's own BTF, as bytes. */
export function kernelBtf(paths: KernelPaths): Buffer {
  return readFileSync(btfPath(paths));
}

/**
 * Each tracepoint leaves a typedef `btf_trace_<name>` in BTF; its name stands NUL-delimited in the string section, so
 * a byte search answers in milliseconds what parsing 100,000 types would.
 */
export function hasTracepoint(btf: Buffer, name: string): boolean {
  return btf.includes(`\0btf_trace_${name}\0`);
}

function missingTracepoint(attachPoints: readonly string[], btf: Buffer): HuatuoError | undefined {
  for (const point of attachPoints) {
    const name = (BY_TRACEPOINT.exec(point) ?? BY_CATEGORY.exec(point))?.[1];
    if (name === undefined || hasTracepoint(btf, name)) continue;
    return new HuatuoError('TRACEPOINT_MISSING', {
      expected: `tracepoint ${name}`,
      found: `a kernel without it (Linux ${release()})`,
      remedy: `disable the collector, or use a kernel that has ${point}`,
    });
  }
  return undefined;
}

/**
 * Whether this host can run a collector: what its kernel has, and libbpf.
 * @param manifest of its BPF object; a collector without one runs everywhere
 * @returns the reason why it cannot, or undefined. Reads the kernel's BTF (about 6 MB) once for a call.
 */
export function probe(manifest: ObjectManifest | undefined, paths: KernelPaths): HuatuoError | undefined {
  if (!manifest) return undefined;
  return probeHost(paths) ?? probeAttachPoints(manifest.attachPoints, paths);
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
