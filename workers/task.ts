/** Thread of the pool for file collectors; piscina calls the default export for each task. */
import { parentPort } from 'node:worker_threads';
import { workerData } from 'piscina';
import { collectGarbageOnce } from '../src/actor/collect-garbage.ts';
import { nameThread } from '../src/actor/thread.ts';
import { SnapshotContainers } from '../src/containers/snapshot.ts';
import { createLog } from '../src/log.ts';
import { type FileTaskResult, runFileTask, type TaskHost } from '../src/pool/file-task.ts';
import type { FilePoolOptions, PoolJob } from '../src/pool/pool.ts';
import { netlinkOfTasks } from '../src/pool/task-netlink.ts';

const { paths, log: logConfig } = workerData as FilePoolOptions;

nameThread('metric-files');
collectGarbageOnce();
const host: TaskHost = {
  paths,
  containers: new SnapshotContainers(),
  netlink: netlinkOfTasks((port) => parentPort?.postMessage(port, [port])),
  log: (collector) => createLog({ component: collector, ...logConfig }),
};

export default function run({ task, begun }: PoolJob): Promise<FileTaskResult> {
  Atomics.store(begun, 0, 1);
  return runFileTask(task, host);
}
