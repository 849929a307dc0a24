/** Thread that knows the containers: answers its readers on their ports and the supervisor on `control`. */
import { type MessagePort, workerData } from 'node:worker_threads';
import { expose } from '../src/actor/comlink.ts';
import { settleThread } from '../src/actor/settle.ts';
import { ContainersActor, type ContainersOptions } from '../src/containers/actor.ts';
import { nameThread } from '../src/kernel/libc.ts';
import { createLog, type LogOptions } from '../src/log.ts';

/** What the supervisor starts this thread with; `control` must be in the transfer list. */
export interface ContainersData {
  readonly options: ContainersOptions;
  /** The supervisor wraps the other end as `ContainersControl`; the thread ends when that is closed. */
  readonly control: MessagePort;
  readonly log: Pick<LogOptions, 'level' | 'format'>;
  /** Its first Int32 rises by one each second while this thread's loop turns. */
  readonly heartbeat: SharedArrayBuffer;
}

const { options, control, heartbeat, log } = workerData as ContainersData;

nameThread('containers');
settleThread();
expose(new ContainersActor(options, createLog({ component: 'containers', ...log })), control);

const beats = new Int32Array(heartbeat, 0, 1);
setInterval(() => Atomics.add(beats, 0, 1), 1000).unref();
