/**
 * What this kernel can do, asked by looking and not by comparing version numbers: distributions back-port, and
 * locked-down kernels leave out.
 */
import { existsSync, readFileSync } from 'node:fs';
import { release } from 'node:os';
import { join } from 'node:path';
import { HuatuoError } from '../error.ts';
import { kernelNames } from './kernel-names.ts';
import { libbpf } from './libbpf.ts';

export interface KernelPaths {
  readonly procfs: string;
  readonly sysfs: string;
}

/** What every BPF collector needs of the kernel: the right to load programs, and BTF. */
export function probeKernel(paths: KernelPaths): HuatuoError | undefined {
  if (!mayLoadBpf()) {
    return new HuatuoError('PERMISSION_DENIED', {
      expected: 'root, or CAP_BPF and CAP_PERFMON',
      found: `user id ${process.geteuid?.()} without them`,
      remedy: 'run as root, with sudo for example',
    });
  }
  if (!existsSync(btfPath(paths))) {
    return new HuatuoError('BTF_MISSING', {
      expected: `the kernel's type information in ${btfPath(paths)}`,
      found: `none on Linux ${release()}`,
      remedy: 'use a kernel built with CONFIG_DEBUG_INFO_BTF=y (Linux 5.10 or later), or check --path.sysfs',
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

/** Of the kernel's own types. */
export function btfPath(paths: KernelPaths): string {
  return join(paths.sysfs, 'kernel/btf/vmlinux');
}

/** What keeps a program from running here, as an error says it. */
export interface Lack {
  readonly expected: string;
  readonly found: string;
}

/** Section prefixes whose target is a tracepoint by its kernel name; `tp` and `tracepoint` name a category too. */
const TRACEPOINT = /^(?:(?:tp_btf|raw_tp|raw_tracepoint)|(?:tp|tracepoint)\/(?!syscalls\/)\w+)\/(\w+)$/;
const KPROBE = /^k(?:ret)?probe\/(\w+)/;
const TRAMPOLINE = /^f(?:entry|exit)\/(\w+)$/;
const ITERATOR = /^iter\/(\w+)$/;

/**
 * Looks for what programs attach to. What is not looked for here is taken to be there, and the kernel will say.
 * @returns asks about one section (`tp_btf/softirq_raise`); undefined when the kernel has it. Reads names out of the kernel's
 * BTF (about 2 MB) at the first question.
 */
export function lacksOf(paths: KernelPaths): (section: string) => Lack | undefined {
  let names: ReturnType<typeof kernelNames> | undefined;
  const btf = (name: string): boolean => {
    names ??= kernelNames(btfPath(paths));
    return names(name);
  };
  const kernel = `a kernel without it (Linux ${release()})`;
  return (section) => {
    const tracepoint = TRACEPOINT.exec(section)?.[1];
    // Each tracepoint leaves such a typedef.
    if (tracepoint !== undefined && !btf(`btf_trace_${tracepoint}`))
      return { expected: `tracepoint ${tracepoint}`, found: kernel };
    const probed = KPROBE.exec(section)?.[1];
    if (probed !== undefined && !existsSync(join(paths.sysfs, 'bus/event_source/devices/kprobe')))
      return { expected: `kprobes, for ${probed}`, found: kernel };
    const entered = probed ?? TRAMPOLINE.exec(section)?.[1];
    if (entered !== undefined && !btf(entered))
      return { expected: `the kernel function ${entered}`, found: kernel };
    const iterated = ITERATOR.exec(section)?.[1];
    if (iterated !== undefined && !btf(`bpf_iter__${iterated}`))
      return { expected: `an iterator over ${iterated}`, found: kernel };
    return undefined;
  };
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
