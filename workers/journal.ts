/** Thread of the journal: opens it, then serves collectors on their ports and the supervisor on `control`. */
import { expose } from '../src/actor/rpc.ts';
import { startServiceThread } from '../src/actor/service-thread.ts';
import { JournalActor } from '../src/storage/journal/actor.ts';
import { Journal, type JournalOptions } from '../src/storage/journal/journal.ts';

const { options, control, log } = startServiceThread<JournalOptions>();
// What this throws reaches the supervisor as the worker's `error` event, with code and message.
expose(new JournalActor(new Journal(options, log), log), control);
