/** What the kernel says of a program. */
import { libbpf } from './libbpf.ts';

/** `struct bpf_prog_info` of linux/bpf.h up to `recursion_misses`, Linux 5.12. */
const INFO_BYTES = 216;
const RECURSION_MISSES_OFFSET = 208;

/**
 * How often the kernel has left a program out because it was running on that CPU already: an interrupt came in between. What it
 * would have counted then is in no map.
 * @returns undefined before Linux 5.12, and when `fd` is no program
 */
export function recursionMisses(fd: number): number | undefined {
  const info = Buffer.alloc(INFO_BYTES);
  const length = Uint32Array.of(INFO_BYTES);
  const result = libbpf().bpf_obj_get_info_by_fd(fd, info, length);
  // The kernel says how much it has filled.
  if (result < 0 || (length[0] ?? 0) < INFO_BYTES) return undefined;
  return Number(info.readBigUInt64LE(RECURSION_MISSES_OFFSET));
}
