/**
 * Small buffers are cut from pools of 64 KiB, and one that lives keeps its whole pool: two or three of them for each quiet thread.
 * Buffers that matter, of batches and pages, are larger than any pool.
 */

/** What Node had before its version 26. */
const POOL_BYTES = 8 * 1024;

/** Makes the pools of the calling thread smaller from now on. */
export function useSmallBuffers(): void {
  Buffer.poolSize = POOL_BYTES;
}
