import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Journal } from '../../../src/storage/journal/journal.ts';
import { journalOptions, memoryLog, streamText, tempDirectory } from './fixture.ts';

const CHILD = fileURLToPath(new URL('crash-child.js', import.meta.url));

/** Lets the child write until it printed `acks` acknowledgements, kills it, and gives the last number it printed. */
async function writeUntilKilled(directory: string, first: number, acks: number): Promise<number> {
  const child = spawn(process.execPath, [CHILD, directory, String(first)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  let last = -1;
  let seen = 0;
  for await (const line of createInterface({ input: child.stdout })) {
    last = Number(line);
    if (++seen === acks) child.kill('SIGKILL');
  }
  const [, signal] = await exited;
  assert.equal(signal, 'SIGKILL');
  return last;
}

test('20 SIGKILLs: every acknowledged document is there once, in order, and at most one torn line was cut', async () => {
  using temp = tempDirectory();
  let next = 0;
  for (let round = 0; round < 20; round++) {
    const acked = await writeUntilKilled(temp.path, next, 1 + round * 7);
    const journal = new Journal(journalOptions(temp.path, { segments: 10_000 }), memoryLog());
    const { sequence, torn_documents } = journal.status().oom ?? assert.fail();
    await journal.close();
    assert.ok(sequence > acked, `${acked} was acknowledged, ${sequence} documents are left`);
    assert.ok(torn_documents <= 1);
    next = sequence;
  }
  const numbers = streamText(temp.path, 'oom')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line).n);
  assert.deepEqual(
    numbers,
    Array.from({ length: next }, (_, n) => n),
  );
});
