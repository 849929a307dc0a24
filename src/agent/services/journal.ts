/** The journal: documents on the local disk. */
import type { JournalControl } from '../../storage/journal/actor.ts';
import { JournalLock } from '../journal-lock.ts';
import { journalDetails, journalFamilies } from './journal-metrics.ts';
import type { ServiceHost, ServiceSpec } from './service.ts';

export function journal(host: ServiceHost): ServiceSpec<JournalControl> {
  const lock = new JournalLock();
  return {
    name: 'journal',
    role: 'storage',
    stopShare: 0.3,
    required: true,
    collectors: true,
    options: ({ journal }) => ({ ...journal, lock: lock.identity }),
    prepare: ({ journal }) => void lock.hold(journal.directory),
    serve: { holdJournal: () => lock.hold(host.config().journal.directory) },
    works: (control) => control.status(),
    report: async (control) => ({ journal: await control.status() }),
    trouble: ({ journal }) => journal?.error,
    families: ({ journal }) => journalFamilies(journal),
    details: ({ journal }) => journalDetails(journal),
    release: () => lock[Symbol.dispose](),
  };
}
