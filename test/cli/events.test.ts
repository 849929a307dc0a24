import assert from 'node:assert/strict';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { EventFlags } from '../../src/cli/command-line.ts';
import { showEvents } from '../../src/cli/events.ts';
import { type ErrorCode, HuatuoError } from '../../src/error.ts';
import { unreadable } from '../../src/storage/journal/readable.ts';
import { segmentName } from '../../src/storage/journal/segment.ts';
import { directoryWith } from '../config/collectors.ts';
import { documentLines } from '../storage/elasticsearch/fixture.ts';

/** What is printed before it ends. */
async function show(
  directory: string,
  flags: Partial<EventFlags> = {},
  printed: string[] = [],
  complain: (text: string) => void = () => {},
) {
  const print = async (text: string): Promise<void> => void printed.push(text);
  const all: EventFlags = { collectors: [], filters: [], follow: false, output: 'table', ...flags };
  await showEvents(directory, all, ['oom', 'softirq'], { print, complain });
  return printed;
}

async function refused(code: ErrorCode, message: RegExp, directory: string, flags?: Partial<EventFlags>) {
  const printed: string[] = [];
  await assert.rejects(show(directory, flags, printed), (error) => {
    assert.ok(error instanceof HuatuoError);
    assert.equal(error.code, code);
    assert.match(error.message, message);
    return true;
  });
  assert.deepEqual(printed, []);
}

test('an empty journal is a header', async () => {
  using directory = directoryWith({});
  assert.match((await show(directory.path)).join(''), /^TIME +COLLECTOR +SEVERITY +OWNER +DATA\n$/);
});

test('a journal that is not there or is no directory is refused before anything is printed', async () => {
  using directory = directoryWith({ file: '' });
  await refused(
    'JOURNAL_FAILED',
    /^expected a readable journal directory .*found ENOENT.*; start the agent/,
    join(directory.path, 'none'),
  );
  await refused('JOURNAL_FAILED', /found ENOENT/, join(directory.path, 'none'), { follow: true });
  await refused(
    'JOURNAL_FAILED',
    /found ENOTDIR.*; name the directory with --journal/,
    join(directory.path, 'file'),
  );
});

test('an answer without documents says which condition none of them can meet', async () => {
  using directory = directoryWith({});
  mkdirSync(join(directory.path, 'oom'));
  writeFileSync(join(directory.path, 'oom', segmentName(0, 'plain')), documentLines(0, 3));
  const hints = async (flags: Partial<EventFlags>): Promise<string[]> => {
    const said: string[] = [];
    await show(directory.path, flags, [], (text) => said.push(text));
    return said;
  };
  assert.deepEqual(await hints({ filters: ['nofield == 1'] }), ['hint: these documents have no nofield']);
  assert.match((await hints({ filters: ['tracer_data.victim.pid > abc'] }))[0] ?? '', /with a number/);
  assert.match((await hints({ container: 'nosuch' }))[0] ?? '', /no container .*"nosuch"/);
  assert.deepEqual(await hints({ filters: ['tracer_data.victim.pid == 99'] }), []);
  assert.deepEqual(await hints({}), []);
});

test('a name that is neither a collector nor in the journal is refused, with the one that was meant', async () => {
  using directory = directoryWith({});
  mkdirSync(join(directory.path, 'old_one'));
  await refused('USAGE', /found "sotfirq"; did you mean softirq\?/, directory.path, {
    collectors: ['sotfirq'],
  });
  await refused('USAGE', /there are old_one, oom, softirq/, directory.path, { collectors: ['x'] });
  assert.equal((await show(directory.path, { collectors: ['oom', 'old_one'] })).length, 1);
});

test('a journal that cannot be read is told without a stack', async () => {
  using directory = directoryWith({});
  const journal = join(directory.path, 'journal');
  symlinkSync('journal', journal);
  await assert.rejects(
    show(journal),
    (error) => error instanceof HuatuoError && /ELOOP.*; check the file system/.test(error.message),
  );
});

test('missing permission names the user to run as; faults of the agent stay what they are', () => {
  const denied = Object.assign(new Error('EACCES: permission denied'), {
    code: 'EACCES',
    syscall: 'scandir',
  });
  assert.match((unreadable('/j', denied) as Error).message, /found EACCES.*; run as the user of the agent/);
  const fault = new TypeError('x is undefined');
  assert.equal(unreadable('/j', fault), fault);
});

test('a time that ends before it begins is refused', async () => {
  using directory = directoryWith({});
  const flags = { since: '2026-11-22T12:00:00Z', until: '2026-11-22T11:00:00Z' };
  await refused(
    'USAGE',
    /^expected --since before --until, found .*12:00.* and .*11:00/,
    directory.path,
    flags,
  );
  await show(directory.path, { since: '15m', until: '5m' });
});
