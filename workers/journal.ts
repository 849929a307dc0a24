/** Thread of the journal: opens it, then serves collectors on their ports and the supervisor on `control`. */
import { expose, wrap } from '../src/actor/rpc.ts';
import { startServiceThread } from '../src/actor/service-thread.ts';
import { HuatuoError, type WireError } from '../src/error.ts';
import { JournalActor } from '../src/storage/journal/actor.ts';
import { Custody, type CustodyOptions, type JournalHost } from '../src/storage/journal/custody.ts';
import { Journal, type JournalOptions } from '../src/storage/journal/journal.ts';

interface Options extends JournalOptions, CustodyOptions {
  /** Why there is no lock. */
  readonly suspension?: WireError;
}

const { options, control, log } = startServiceThread<Options>();
const suspension = options.suspension && HuatuoError.fromWire(options.suspension);
// What this throws reaches the supervisor as the worker's `error` event, with code and message.
const journal = new Journal(options, log, suspension);
const custody = new Custody(journal, options, wrap<JournalHost>(control), log);
expose(new JournalActor(journal, log, custody), control);
