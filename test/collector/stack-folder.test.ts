/** Counted stacks to folded ones, by symbols of the test's own. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LookupCalls } from '../../src/actor/kernel-calls.ts';
import { type CountedStack, type StackCount, StackFolder } from '../../src/collector/stack-folder.ts';
import { parseSymbols } from '../../src/decoder/kallsyms.ts';
import type { FoldedStack } from '../../src/sdk/context.ts';

const PROGRAM = 'a'.repeat(40);
const STRIPPED = 'b'.repeat(40);
const table = (...lines: readonly string[]): ReturnType<typeof parseSymbols> =>
  parseSymbols(Buffer.from(lines.map((line) => `${line}\n`).join('')));

const KERNEL = table('ffffffff81000000 T entry', 'ffffffff81001000 T work', 'ffffffff81002000 T other');
const FILES = [
  { buildId: PROGRAM, name: 'program', table: table('1000 T main', '2000 T inner', '3000 T end') },
  { buildId: STRIPPED, name: 'stripped' },
];

/** @param asked is told the processes whose files are asked for */
async function fold(
  entries: readonly (readonly [CountedStack, StackCount])[],
  asked: number[] = [],
): Promise<readonly FoldedStack[]> {
  const kernel: LookupCalls = {
    kernelSymbols: async () => ({
      table: KERNEL,
      core: { start: 0xffffffff81000000n, end: 0xffffffff82000000n },
      modules: '',
      version: 1,
    }),
    fileSymbols: async (process, buildIds) => {
      asked.push(process);
      return FILES.filter(({ buildId }) => buildIds.includes(buildId));
    },
    kernelEnum: async () => ({}),
    compilePacketFilter: async () => [],
  };
  async function* all(): AsyncGenerator<readonly [CountedStack, StackCount]> {
    yield* entries;
  }
  return new StackFolder(kernel, '/nonexistent').fold({ entries: all });
}

const stack = (
  user_stack: readonly string[],
  kernel_stack: readonly string[],
  samples: number,
  cgroup_id = 1n,
): readonly [CountedStack, StackCount] => [
  { user_stack, kernel_stack, cgroup_id },
  { samples, pid: 42 },
];

test('functions from the outermost to the innermost, those of the program before those of the kernel', async () => {
  const [folded, ...others] = await fold([
    stack([`${PROGRAM}+0x2008`, `${PROGRAM}+0x1020`], ['0xffffffff81001010', '0xffffffff81000004'], 3),
  ]);
  assert.deepEqual(others, []);
  assert.deepEqual(folded, { frames: ['main', 'inner', 'entry_[k]', 'work_[k]'], cgroupId: 1n, samples: 3 });
});

test('stacks that differ only within functions are one, those of different cgroups are not', async () => {
  const asked: number[] = [];
  const folded = await fold(
    [
      stack([`${PROGRAM}+0x1000`], [], 1),
      stack([`${PROGRAM}+0x1004`], [], 2),
      stack([`${PROGRAM}+0x1004`], [], 4, 2n),
      stack([`${PROGRAM}+0x2004`], [], 8),
    ],
    asked,
  );
  assert.deepEqual(folded, [
    { frames: ['main'], cgroupId: 1n, samples: 3 },
    { frames: ['main'], cgroupId: 2n, samples: 4 },
    { frames: ['inner'], cgroupId: 1n, samples: 8 },
  ]);
  assert.deepEqual(asked, [42], 'a file is asked for once');
});

test('without a symbol it is the file, without a file it is unknown', async () => {
  const [folded] = await fold([stack([`${STRIPPED}+0x10`, '0x7f0000001234'], ['0xffffffff90000000'], 1)]);
  assert.deepEqual(folded?.frames, ['[unknown]', 'stripped[bbbbbbbb]', '[unknown]_[k]']);
});

test('a task without frames is a stack of none', async () => {
  assert.deepEqual(await fold([stack([], [], 5)]), [{ frames: [], cgroupId: 1n, samples: 5 }]);
});
