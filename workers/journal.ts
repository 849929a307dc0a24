/** Thread of the journal: opens it, then serves collectors on their ports and the supervisor on `control`. */
import { type MessagePort, workerData } from 'node:worker_threads';
import { settleThread } from '../src/actor/collect-garbage.ts';
import { expose } from '../src/actor/rpc.ts';
import { createLog, type LogOptions } from '../src/log.ts';
import { JournalActor } from '../src/storage/journal/actor.ts';
import { Journal, type JournalOptions } from '../src/storage/journal/journal.ts';

/** What the supervisor starts this thread with; `control` must be in the transfer list. */
export interface LocalfileData {
  readonly options: JournalOptions;
  /** The supervisor wraps the other end as `JournalControl`; the thread ends when that is closed. */
  readonly control: MessagePort;
  readonly log: Pick<LogOptions, 'level' | 'format'>;
  /** One Int32 that rises by one each second while this thread's loop turns. */
  readonly heartbeat?: SharedArrayBuffer;
}

const { options, control, heartbeat, log: logged } = workerData as LocalfileData;
const log = createLog({ component: 'localfile', ...logged });
settleThread();

// What this throws reaches the supervisor as the worker's `error` event, with code and message.
expose(new JournalActor(new Journal(options, log), log), control);

if (heartbeat) {
  const beats = new Int32Array(heartbeat);
  setInterval(() => Atomics.add(beats, 0, 1), 1000).unref();
}
