import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { openElf } from '../../src/decoder/elf-symbols.ts';
import { runSymbolTask } from '../../src/decoder/symbol-tasks.ts';
import { executableFiles, withFile } from '../../src/procfs/executable-files.ts';
import { skipWithoutRoot } from '../support/kernel.ts';

/** Process ids end before it. */
const NO_PROCESS = 2 ** 30;

function buildIdOf(path: string): string {
  return withFile(path, (read) => openElf({ read })?.buildId) ?? '';
}

function filesNamed(process: number, buildIds: readonly string[]): readonly string[] {
  const answer = runSymbolTask({ type: 'files', procfs: '/proc', process, buildIds });
  return answer.type === 'files' ? answer.files.map(({ name }) => name) : [];
}

test('files of a process that has ended are found where another one runs them', {
  skip: skipWithoutRoot(),
}, async () => {
  const child = spawn('sleep', ['1000']);
  try {
    await once(child, 'spawn');
    const [program] = executableFiles('/proc', child.pid ?? 0);
    const libc = executableFiles('/proc', process.pid).find(({ name }) => name.startsWith('libc.'));
    const wanted = [program, libc].map((file) => buildIdOf(file?.path ?? ''));
    assert.deepEqual([...filesNamed(NO_PROCESS, wanted)].sort(), [libc?.name, program?.name].sort());
  } finally {
    child.kill();
  }
});

test('a file that no process runs is left out', () => {
  assert.deepEqual(filesNamed(NO_PROCESS, ['deadbeef'.repeat(5)]), []);
});
