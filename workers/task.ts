/** Thread of the pool for file collectors; piscina calls the default export for each job. */
import { parentPort } from 'node:worker_threads';
import { workerData } from 'piscina';
import { collectGarbageOnce } from '../src/actor/collect-garbage.ts';
import { useSmallBuffers } from '../src/actor/small-buffers.ts';
import { nameThread } from '../src/actor/thread.ts';
import { SnapshotContainers } from '../src/containers/snapshot.ts';
import { createLog } from '../src/log.ts';
import type { PoolJob } from '../src/pool/batch.ts';
import { type FileTaskResult, runFileTask, type TaskHost } from '../src/pool/file-task.ts';
import type { FilePoolOptions } from '../src/pool/pool.ts';
import { runJob } from '../src/pool/run-job.ts';
import { netlinkOfTasks } from '../src/pool/task-netlink.ts';
import { openFilesLimit } from '../src/procfs/own-limits.ts';
import { keepFilesOpen } from '../src/procfs/source.ts';

const { paths, log: logConfig } = workerData as FilePoolOptions;

const MAX_OPEN_FILES = 512;

nameThread('metric-files');
useSmallBuffers();
collectGarbageOnce();
// The kernel has a page of memory for each. Two threads do so, and the rest of the agent needs files, too.
keepFilesOpen(Math.min(MAX_OPEN_FILES, (openFilesLimit() ?? 0) >> 4));
const host: TaskHost = {
  paths,
  containers: new SnapshotContainers(),
  netlink: netlinkOfTasks((port) => parentPort?.postMessage(port, [port])),
  log: (collector) => createLog({ component: collector, ...logConfig }),
};

export default function run(job: PoolJob): Promise<FileTaskResult[]> {
  return runJob(job, host, runFileTask);
}
