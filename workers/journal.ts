/** Thread of the journal: opens it, then serves collectors on their ports and the supervisor on `control`. */
import { expose, wrap } from '../src/actor/rpc.ts';
import { startServiceThread } from '../src/actor/service-thread.ts';
import { JournalActor } from '../src/storage/journal/actor.ts';
import { Custody, type CustodyOptions, type JournalHost } from '../src/storage/journal/custody.ts';
import { Journal, type JournalOptions } from '../src/storage/journal/journal.ts';

const { options, control, log } = startServiceThread<JournalOptions & CustodyOptions>();
// What this throws reaches the supervisor as the worker's `error` event, with code and message.
const journal = new Journal(options, log);
const custody = new Custody(journal, options, wrap<JournalHost>(control), log);
expose(new JournalActor(journal, log, custody), control);
