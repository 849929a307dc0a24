/** The journal: documents on the local disk. */
import type { JournalControl } from '../../storage/journal/actor.ts';
import { JournalLock } from '../journal-lock.ts';
import type { ServiceSpec } from './service.ts';

export function journal(): ServiceSpec<JournalControl> {
  const lock = new JournalLock();
  return {
    name: 'journal',
    role: 'storage',
    stopShare: 0.3,
    required: true,
    collectors: true,
    options: ({ journal }) => journal,
    prepare: ({ journal }) => lock.hold(journal.directory),
    works: (control) => control.status(),
    release: () => lock[Symbol.dispose](),
  };
}
