import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { SymbolThread } from '../../src/kernel/symbol-thread.ts';

const LONG_MS = 60_000;

test('tasks that come at once are answered one after the other, each its own', async () => {
  const thread = new SymbolThread();
  const versions = [3, 4, 5];
  const answers = await Promise.all(
    versions.map((version) => thread.run({ type: 'kernel', procfs: '/nonexistent', version }, LONG_MS)),
  );
  assert.deepEqual(
    answers.map((answer) => (answer?.type === 'kernel' ? answer.symbols.version : undefined)),
    versions,
  );
});

/** Whoever opens it waits for a writer. */
function procfsThatHangs(): Disposable & { readonly path: string } {
  const path = mkdtempSync(join(tmpdir(), 'huatuo-symbols-'));
  const kallsyms = join(path, 'kallsyms');
  execFileSync('mkfifo', [kallsyms]);
  return {
    path,
    [Symbol.dispose]() {
      // Lets go of the thread that waits.
      closeSync(openSync(kallsyms, 'r+'));
      rmSync(path, { recursive: true });
    },
  };
}

test('a task that waits past its deadline is given up, and the next one gets a new thread', async () => {
  using hanging = procfsThatHangs();
  const thread = new SymbolThread();
  assert.equal(await thread.run({ type: 'kernel', procfs: hanging.path, version: 1 }, 100), undefined);
  const answer = await thread.run({ type: 'kernel', procfs: '/nonexistent', version: 2 }, LONG_MS);
  assert.ok(answer?.type === 'kernel');
  assert.equal(answer.symbols.version, 2);
});
