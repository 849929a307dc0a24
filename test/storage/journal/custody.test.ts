/** A journal whose directory is taken away under it, and the agent's lock with it. */
import assert from 'node:assert/strict';
import { renameSync, rmSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, test } from 'node:test';
import { JournalLock } from '../../../src/agent/journal-lock.ts';
import { HuatuoError } from '../../../src/error.ts';
import { JournalActor } from '../../../src/storage/journal/actor.ts';
import { Custody } from '../../../src/storage/journal/custody.ts';
import { Journal } from '../../../src/storage/journal/journal.ts';
import { eventually } from '../../support/eventually.ts';
import { journalOptions, lines, memoryLog, streamText, tempDirectory } from './fixture.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** An agent as far as the journal knows one. */
class Agent {
  readonly lock = new JournalLock();
  readonly log = memoryLog();
  readonly directory: string;
  readonly journal: Journal;
  readonly actor: JournalActor;
  #stopped = false;

  constructor(directory: string) {
    this.directory = directory;
    const lock = this.lock.hold(directory);
    this.journal = new Journal(journalOptions(directory), this.log);
    const host = { holdJournal: async () => this.lock.hold(directory) };
    const custody = new Custody(this.journal, { directory, lock }, host, this.log);
    this.actor = new JournalActor(this.journal, this.log, custody);
    cleanups.push(() => this.stop());
  }

  /** Once; what comes later does nothing. */
  async stop(): Promise<void> {
    if (this.#stopped) return;
    this.#stopped = true;
    await this.actor.close();
    this.lock[Symbol.dispose]();
  }

  /** Appends until it is taken. */
  async append(first: number): Promise<void> {
    await eventually('an append', () => {
      try {
        this.journal.append('oom', lines(1, first), 1);
        return true;
      } catch {
        return false;
      }
    });
  }
}

function newDirectory(): string {
  const temp = tempDirectory();
  cleanups.push(() => temp[Symbol.dispose]());
  return join(temp.path, 'journal');
}

const AWAY: Readonly<Record<string, (directory: string) => void>> = {
  deleted: (directory) => rmSync(directory, { recursive: true }),
  renamed: (directory) => renameSync(directory, `${directory}.old`),
};
for (const [what, take] of Object.entries(AWAY))
  test(`a directory that is ${what} is made and locked anew: a second agent is refused, documents go on`, async () => {
    const agent = new Agent(newDirectory());
    await agent.append(0);
    take(agent.directory);
    await eventually('the lock', () => agent.log.lines.includes('info the journal goes on'));
    using second = new JournalLock();
    assert.throws(() => second.hold(agent.directory), { code: 'JOURNAL_FAILED', message: /held by process/ });
    await agent.append(1);
    assert.equal(streamText(agent.directory, 'oom'), lines(1, 1).toString());
    assert.match(agent.actor.status().error?.message ?? '', /lost.*with 1 documents/);
  });

test('a lock file that is deleted is made and locked anew, and nothing is lost', async () => {
  const agent = new Agent(newDirectory());
  await agent.append(0);
  rmSync(join(agent.directory, '.lock'));
  await eventually('the lock', () => agent.log.lines.includes('info the journal goes on'));
  using second = new JournalLock();
  assert.throws(() => second.hold(agent.directory), { code: 'JOURNAL_FAILED' });
  await agent.append(1);
  assert.equal(streamText(agent.directory, 'oom'), lines(2).toString());
});

test('while another agent has the directory nothing is written or deleted there, and the status says who has it', async () => {
  const agent = new Agent(newDirectory());
  await agent.append(0);
  renameSync(agent.directory, `${agent.directory}.old`);
  const other = new Agent(agent.directory);
  await other.append(100);
  await eventually('the reason', () => /held by process/.test(agent.actor.status().error?.message ?? ''));
  assert.throws(() => agent.journal.append('oom', lines(1, 1), 1), { message: /held by process/ });
  assert.equal(streamText(agent.directory, 'oom'), lines(1, 100).toString());
  assert.equal(agent.log.lines.filter((line) => line.startsWith('error')).length, 1);

  await other.stop();
  await agent.append(1);
  assert.equal(streamText(agent.directory, 'oom'), lines(1, 100).toString() + lines(1, 1).toString());
});

test('a directory that cannot be looked at is not taken for one that is away: its journal goes on with it', async () => {
  const temp = newDirectory();
  const agent = new Agent(join(temp, 'journal'));
  await agent.append(0);
  const parent = dirname(agent.directory);
  renameSync(parent, `${parent}.hidden`);
  // Whatever is asked of a path through a circle fails, and not because nothing is there.
  symlinkSync(parent, parent);
  const custody = new Custody(
    agent.journal,
    { directory: agent.directory, lock: agent.lock.identity ?? '' },
    { holdJournal: () => Promise.reject(new Error('is not asked')) },
    agent.log,
  );
  cleanups.push(() => custody[Symbol.dispose]());
  rmSync(parent);
  renameSync(`${parent}.hidden`, parent);
  await agent.append(1);
  assert.equal(streamText(agent.directory, 'oom'), lines(2).toString());
});

test('a journal whose directory could not be made begins when it can, and keeps what it finds', async () => {
  const directory = newDirectory();
  const former = new Agent(directory);
  await former.append(0);
  await former.stop();
  const lock = new JournalLock();
  let isReady = false;
  const readOnly = new HuatuoError('DIRECTORY_NOT_WRITABLE', {
    found: 'EROFS',
    remedy: 'mount it read-write',
  });
  const host = {
    holdJournal: async () => {
      if (!isReady) throw readOnly;
      return lock.hold(directory);
    },
  };
  const log = memoryLog();
  const journal = new Journal(journalOptions(directory), log, readOnly);
  const actor = new JournalActor(journal, log, new Custody(journal, { directory }, host, log));
  cleanups.push(
    () => lock[Symbol.dispose](),
    () => actor.close(),
  );
  assert.deepEqual(actor.status().tracers, {});
  assert.match(actor.status().error?.message ?? '', /EROFS; mount it read-write/);
  assert.throws(() => journal.append('oom', lines(1, 1), 1), { message: /EROFS/ });
  isReady = true;
  await eventually('the journal to go on', () => journal.suspension === undefined);
  journal.append('oom', lines(1, 1), 1);
  assert.equal(streamText(directory, 'oom'), lines(2).toString());
  assert.equal(log.lines.filter((line) => line === 'warn the journal is suspended').length, 1);
});
