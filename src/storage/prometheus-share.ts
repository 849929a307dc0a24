/**
 * Joins calls with the same key that come while one is running: they get its result. So a client that asks faster than
 * the answer can be made, or a thread that never answers, costs one call and not one for each request.
 * @param start makes the result; called again as soon as the previous call has settled
 */
export function shareInFlight<T>(start: (key: string) => Promise<T>): (key?: string) => Promise<T> {
  const running = new Map<string, Promise<T>>();
  return (key = '') => {
    const joined = running.get(key);
    if (joined) return joined;
    const call = start(key).finally(() => running.delete(key));
    running.set(key, call);
    return call;
  };
}
