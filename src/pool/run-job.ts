/** One job in a thread of the pool: its tasks one after the other, but that the next one begins while one waits for the main thread. */
import type { NetlinkRequests } from '../sdk/netlink.ts';
import { begin, type PoolJob, waits } from './batch.ts';
import type { FileTask, FileTaskResult, TaskHost } from './file-task.ts';

/**
 * @param run one task
 * @returns the results of those that were to begin, in their order
 */
export async function runJob(
  job: PoolJob,
  host: TaskHost,
  run: (task: FileTask, host: TaskHost) => Promise<FileTaskResult>,
): Promise<FileTaskResult[]> {
  const results: Promise<FileTaskResult>[] = [];
  const unfinished = new Set<number>();
  for (const [index, task] of job.tasks.entries()) {
    if (!begin(job, index)) break;
    const asks = Promise.withResolvers<void>();
    unfinished.add(index);
    const result = run(task, { ...host, netlink: telling(host.netlink, asks.resolve) });
    results.push(result.finally(() => unfinished.delete(index)));
    await Promise.race([result, asks.promise]);
  }
  for (const [index, result] of results.entries()) {
    if (unfinished.has(index)) waits(job, index);
    await result;
  }
  return Promise.all(results);
}

/** The same requests; calls `asks` before each. */
function telling({ request, driverOf, driverCounters }: NetlinkRequests, asks: () => void): NetlinkRequests {
  const tell =
    <Args extends readonly unknown[], Answer>(call: (...args: Args) => Promise<Answer>) =>
    (...args: Args): Promise<Answer> => {
      asks();
      return call(...args);
    };
  return { request: tell(request), driverOf: tell(driverOf), driverCounters: tell(driverCounters) };
}
