/** Thread that knows the containers: answers its readers on their ports and the supervisor on `control`. */
import { type MessagePort, workerData } from 'node:worker_threads';
import { settleThread } from '../src/actor/collect-garbage.ts';
import type { KernelCalls } from '../src/actor/kernel-calls.ts';
import { expose, type Promised, wrap } from '../src/actor/rpc.ts';
import { ContainersActor, type ContainersControl, type ContainersOptions } from '../src/containers/actor.ts';
import { openFeed } from '../src/containers/feed.ts';
import { createLog, type LogOptions } from '../src/log.ts';

/** What the supervisor starts this thread with; `control` must be in the transfer list. */
export interface ContainersData {
  readonly options: ContainersOptions;
  /** The supervisor wraps the other end as `ContainersControl`, and answers `KernelCalls` on it. The thread ends when that is closed. */
  readonly control: MessagePort;
  readonly log: Pick<LogOptions, 'level' | 'format'>;
  /** Its first Int32 rises by one each second while this thread's loop turns. */
  readonly heartbeat: SharedArrayBuffer;
}

const { options, control, heartbeat, log: logged } = workerData as ContainersData;

settleThread();
const log = createLog({ component: 'containers', ...logged });
const opening = openFeed(wrap<KernelCalls>(control), log).then(
  (feed) => new ContainersActor(options, log, feed),
);
// Exposed before the first answer of the kernel arrives: the supervisor's calls come on the same port, and wait.
expose(
  {
    connect: async (reader, port) => (await opening).connect(reader, port),
    forget: async (reader) => (await opening).forget(reader),
    status: async () => (await opening).status(),
    document: async () => (await opening).document(),
    close: async () => (await opening).close(),
  } satisfies Promised<ContainersControl>,
  control,
);
await opening;

const beats = new Int32Array(heartbeat, 0, 1);
setInterval(() => Atomics.add(beats, 0, 1), 1000).unref();
