/**
 * Bounds of an LRU cache of many entries that holds few. With `max` it would have room for all of them from the start,
 * which for the thousands of a large host is half a megabyte in each thread.
 *
 * @param count most entries
 * @returns options of `LRUCache`, in place of `max`
 */
export function atMostEntries(count: number): {
  readonly maxSize: number;
  readonly sizeCalculation: () => number;
} {
  return { maxSize: count, sizeCalculation: () => 1 };
}
