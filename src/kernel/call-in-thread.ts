/** Foreign calls that may wait, made on one of koffi's threads. */
import type koffi from 'koffi';

type ForeignFunction = ReturnType<ReturnType<typeof koffi.load>['func']>;

/** What calls that are under way read and write: it must not be collected before they return. */
const inUse = new Set<readonly unknown[]>();

/**
 * @param args as for the call itself; memory they point to with an address is the caller's to keep
 * @returns what it returned. Its errno stays in the thread that made the call
 */
export function callInThread(call: ForeignFunction, ...args: readonly unknown[]): Promise<number> {
  inUse.add(args);
  return new Promise((resolve, reject) => {
    call.async(...args, (error: unknown, result: number | bigint) => {
      inUse.delete(args);
      if (error) reject(error);
      else resolve(Number(result));
    });
  });
}
