/**
 * The journal: documents on the local disk. With a disk that is full, read-only or broken the agent starts all the same, for what else it
 * tells of the host, and the journal begins when the disk takes it.
 */
import type { EffectiveConfig } from '../../config/effective.ts';
import { HuatuoError } from '../../error.ts';
import type { JournalControl } from '../../storage/journal/actor.ts';
import { diskRemedy } from '../../storage/journal/journal-errors.ts';
import { JournalLock } from '../journal-lock.ts';
import { journalDetails, journalFamilies } from './journal-metrics.ts';
import type { ServiceHost, ServiceSpec } from './service.ts';

export function journal(host: ServiceHost): ServiceSpec<JournalControl> {
  const lock = new JournalLock();
  let suspension: HuatuoError | undefined;
  const prepare = ({ journal }: EffectiveConfig): void => {
    suspension = undefined;
    try {
      lock.hold(journal.directory);
    } catch (error) {
      // One that works is not given up for a directory that does not.
      if (lock.identity !== undefined || diskRemedy(error) === undefined) throw error;
      suspension = HuatuoError.from(error, 'JOURNAL_FAILED', 'check the disk');
    }
  };
  return {
    name: 'journal',
    role: 'storage',
    stopShare: 0.3,
    required: true,
    collectors: true,
    options: ({ journal }) => ({
      ...journal,
      lock: lock.identity,
      ...(suspension && { suspension: HuatuoError.toWire(suspension) }),
    }),
    prepare,
    serve: { holdJournal: () => lock.hold(host.config().journal.directory) },
    works: (control) => control.status(),
    report: async (control) => ({ journal: await control.status() }),
    trouble: ({ journal }) => journal?.error,
    families: ({ journal }) => journalFamilies(journal),
    details: ({ journal }) => journalDetails(journal),
    release: () => lock[Symbol.dispose](),
  };
}
