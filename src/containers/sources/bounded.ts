/**
 * Visits all items, at most `limit` at a time. After a failure nothing more is begun, and what is under way is waited for:
 * when the promise rejects, no connection is left.
 * @returns the results in the order of the items
 * @throws the first failure
 */
export async function eachBounded<T, R>(
  items: readonly T[],
  limit: number,
  visit: (item: T) => Promise<R>,
): Promise<readonly R[]> {
  const results: R[] = [];
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < items.length) {
      const at = next++;
      try {
        results[at] = await visit(items[at] as T);
      } catch (error) {
        next = items.length;
        throw error;
      }
    }
  };
  const lanes = await Promise.allSettled(Array.from({ length: Math.min(limit, items.length) }, lane));
  const failed = lanes.find((one) => one.status === 'rejected');
  if (failed) throw failed.reason;
  return results;
}
