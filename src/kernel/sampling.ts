/**
 * A `perf_event` program, run for one of so many software events on every online CPU: ticks of its clock, or page faults, which
 * every kernel and every virtual machine has. An event ends with its CPU; a CPU that comes back needs a new one.
 */
import { cpuNumbers } from '../procfs/cgroup-cpu.ts';
import { readSource } from '../procfs/source.ts';
import type { Handles } from './handles.ts';
import { errnoName, type Libbpf, lastErrno, type Pointer } from './libbpf.ts';
import { closeFd, openPerfEvent } from './libc.ts';

/** The kernel's list of CPUs that run: `0-3,6`. */
export const ONLINE_CPUS = '/sys/devices/system/cpu/online';

/** `struct perf_event_attr` up to the fields we set; the kernel takes what lies beyond as zero (PERF_ATTR_SIZE_VER0). */
const ATTR_BYTES = 64;
const PERF_TYPE_SOFTWARE = 1;
const PERF_COUNT_SW_CPU_CLOCK = 0n;
const PERF_COUNT_SW_PAGE_FAULTS = 2n;
/** `sample_period` is a frequency. */
const ATTR_FREQ = 1n << 10n;

/** When a `perf_event` program runs. */
export type SampledEvent =
  | {
      readonly type: 'clock';
      readonly per_second: number;
      /** Only these; all without it. */
      readonly cpus?: readonly number[] | undefined;
    }
  /** In whose context the fault is: of user code, and of the kernel on its behalf. */
  | { readonly type: 'page_fault'; readonly every: number };

/** @param file as the kernel writes it @throws SOURCE_UNREADABLE */
export function readOnlineCpus(file: string): number[] {
  return cpuNumbers(readSource(file), file);
}

/** Name of the link of one CPU. */
function linkName(program: string, cpu: number): string {
  return `${program}@${cpu}`;
}

/**
 * Attaches the program to CPUs that it is not attached to, and lets go of those that are not online.
 * @param name of the program
 * @returns the errno that keeps it from a CPU that is online and wanted; undefined when it is attached to all
 */
export function followCpus(
  api: Libbpf,
  handles: Handles,
  {
    name,
    program,
    event,
  }: { readonly name: string; readonly program: Pointer; readonly event: SampledEvent },
  online: readonly number[],
): string | undefined {
  const cpus = online.filter((cpu) => event.type !== 'clock' || (event.cpus?.includes(cpu) ?? true));
  const wanted = new Set(cpus.map((cpu) => linkName(name, cpu)));
  for (const link of handles.links.keys())
    if (link.startsWith(`${name}@`) && !wanted.has(link)) handles.destroyLink(api, link);
  let refused: string | undefined;
  for (const cpu of cpus) {
    if (handles.links.has(linkName(name, cpu))) continue;
    const link = attachToCpu(api, program, cpu, event);
    if (typeof link === 'string') refused ??= link;
    else handles.addLink(linkName(name, cpu), link);
  }
  return refused;
}

/** @returns the link, which owns the event, or the name of an errno */
function attachToCpu(api: Libbpf, program: Pointer, cpu: number, event: SampledEvent): Pointer | string {
  const attr = new DataView(new ArrayBuffer(ATTR_BYTES));
  attr.setUint32(0, PERF_TYPE_SOFTWARE, true);
  attr.setUint32(4, ATTR_BYTES, true);
  if (event.type === 'clock') {
    attr.setBigUint64(8, PERF_COUNT_SW_CPU_CLOCK, true);
    attr.setBigUint64(16, BigInt(event.per_second), true);
    attr.setBigUint64(40, ATTR_FREQ, true);
  } else {
    attr.setBigUint64(8, PERF_COUNT_SW_PAGE_FAULTS, true);
    attr.setBigUint64(16, BigInt(event.every), true);
  }
  const fd = openPerfEvent(new Uint8Array(attr.buffer), cpu);
  if (fd < 0) return errnoName(fd);
  const link = api.bpf_program__attach_perf_event(program, fd);
  if (link) return link;
  const errno = lastErrno();
  closeFd(fd);
  return errno;
}
