/**
 * malloc's thresholds (mallopt(3)): from which size on a block is a mapping of its own, and how much freed memory is kept.
 *
 * While the agent starts, libbpf reads all types of the kernel anew for each BPF object, some ten megabytes in a few blocks. Kept for the
 * next object these need not be mapped, zeroed page by page, and unmapped by the kernel each time. Afterwards what is freed goes back at
 * once. Set, thresholds stay, where else they rise with the largest block ever freed.
 */

/** Variables of the environment, which malloc reads before anything runs. 32 MiB is the most it takes for the first. */
export const MALLOC_OF_START: Readonly<Record<string, string>> = {
  MALLOC_MMAP_THRESHOLD_: String(32 << 20),
  MALLOC_TRIM_THRESHOLD_: String(256 << 20),
};

export const SETTLED_THRESHOLD_BYTES: number = 128 << 10;

/** Whether the thresholds are those of a start: a user may have set others, which stay. */
export function hasMallocOfStart(env: Readonly<Record<string, string | undefined>>): boolean {
  return Object.entries(MALLOC_OF_START).every(([name, value]) => env[name] === value);
}
