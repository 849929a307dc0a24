import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type Compression, Journal } from '../../../src/storage/journal/journal.ts';
import { journalOptions, memoryLog, streamText, tempDirectory } from './fixture.ts';

/** Documents that the child writes at once. */
const BATCH = 50;
const CHILD = fileURLToPath(new URL('crash-child.js', import.meta.url));

/** Lets the child write until it printed `acks` acknowledgements, kills it, and gives the last number it printed. */
async function writeUntilKilled(
  directory: string,
  first: number,
  acks: number,
  compression: Compression,
): Promise<number> {
  const child = spawn(process.execPath, [CHILD, directory, String(first), compression], {
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

for (const [compression, torn] of [
  ['off', 1],
  ['live', BATCH],
] as const)
  test(`10 SIGKILLs, compression ${compression}: every acknowledged document is there once, in order, and at most one batch was torn`, async () => {
    using temp = tempDirectory();
    let next = 0;
    for (let round = 0; round < 10; round++) {
      const acked = await writeUntilKilled(temp.path, next, 1 + round * 14, compression);
      const journal = new Journal(journalOptions(temp.path, { segments: 10_000, compression }), memoryLog());
      const { sequence, torn_documents, lost_documents } = journal.status().oom ?? assert.fail();
      await journal.close();
      assert.ok(sequence > acked, `${acked} was acknowledged, ${sequence} documents are left`);
      assert.ok(torn_documents <= torn, `${torn_documents} torn`);
      assert.equal(lost_documents, 0);
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
