/** What the kernel says of a program. */
import { libbpf } from './libbpf.ts';

/** `struct bpf_prog_info` of linux/bpf.h: `run_time_ns` and `run_cnt`, Linux 5.1; `recursion_misses`, Linux 5.12. */
const RUN_TIME_NS_OFFSET = 192;
const RUN_COUNT_OFFSET = 200;
const RECURSION_MISSES_OFFSET = 208;
const INFO_BYTES = 216;

export interface ProgramInfo {
  /** Runs that the kernel has counted, and how long they took: only while it was told to (run-stats.ts). */
  readonly runs: number;
  readonly run_ns: number;
  /**
   * How often the kernel has left the program out because it was running on that CPU already: an interrupt came in between. What it
   * would have counted then is in no map. Undefined before Linux 5.12.
   */
  readonly recursion_misses: number | undefined;
}

/** What the kernel fills: a scrape asks for each program, one after the other. */
const info = Buffer.alloc(INFO_BYTES);
const length = new Uint32Array(1);

/** @returns undefined when `fd` is no program */
export function programInfo(fd: number): ProgramInfo | undefined {
  info.fill(0);
  length[0] = INFO_BYTES;
  if (libbpf().bpf_obj_get_info_by_fd(fd, info, length) < 0) return undefined;
  const at = (offset: number): number => Number(info.readBigUInt64LE(offset));
  return {
    runs: at(RUN_COUNT_OFFSET),
    run_ns: at(RUN_TIME_NS_OFFSET),
    // The kernel says how much it has filled.
    recursion_misses: length[0] < INFO_BYTES ? undefined : at(RECURSION_MISSES_OFFSET),
  };
}
