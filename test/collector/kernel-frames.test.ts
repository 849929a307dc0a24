/** Kernel addresses by a procfs of the test's own, whose modules come and go. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { KernelFrames } from '../../src/collector/kernel-frames.ts';
import { readSymbols } from '../../src/decoder/kallsyms.ts';

const CORE = [
  'ffffffff81000000 T _text',
  'ffffffff81001000 T start_kernel',
  'ffffffff82000000 T _etext',
  'ffffffff82100000 T __init_begin',
];

function fakeKernel(): { readonly procfs: string; reads: number; load(...modules: readonly string[]): void } {
  const procfs = mkdtempSync(join(tmpdir(), 'huatuo-frames-'));
  after(() => rmSync(procfs, { recursive: true }));
  return {
    procfs,
    reads: 0,
    load(...modules) {
      const symbols = modules.map((name, index) => `ffffffffc0${index}00000 t ${name}_init\t[${name}]`);
      writeFileSync(join(procfs, 'kallsyms'), [...CORE, ...symbols, ''].join('\n'));
      const lines = modules.map((name, index) => `${name} 16384 0 - Live 0xffffffffc0${index}00000`);
      writeFileSync(join(procfs, 'modules'), [...lines, ''].join('\n'));
    },
  };
}

function framesOf(kernel: ReturnType<typeof fakeKernel>): KernelFrames {
  const calls = {
    kernelSymbols: async (newerThan: number) => {
      kernel.reads += 1;
      return readSymbols(kernel.procfs, newerThan + 1);
    },
    fileSymbols: async () => [],
    kernelEnum: async () => ({}),
    compilePacketFilter: async () => [],
  };
  return new KernelFrames(calls, kernel.procfs);
}

test('an address is its symbol and offset; what belongs to none is itself', async () => {
  const kernel = fakeKernel();
  kernel.load();
  const addresses = [0xffffffff81001010n, 0xffffffff82000008n, 0xffffffff90000000n, 7n];
  assert.deepEqual(await framesOf(kernel).names(addresses), [
    'start_kernel+0x10',
    '0xffffffff82000008',
    '0xffffffff90000000',
    '0x7',
  ]);
});

test('the table is read again when modules were loaded, and for nothing in the core', async () => {
  const kernel = fakeKernel();
  kernel.load('first');
  const frames = framesOf(kernel);
  assert.deepEqual(await frames.names([0xffffffffc0000004n]), ['first_init+0x4']);
  kernel.load('first', 'second');
  assert.deepEqual(await frames.names([0xffffffff81001000n]), ['start_kernel+0x0']);
  assert.equal(kernel.reads, 1);
  assert.deepEqual(await frames.names([0xffffffffc0100008n]), ['second_init+0x8']);
  assert.deepEqual(await frames.names([0xffffffffc0100009n, 0xffffffffc0900000n]), [
    'second_init+0x9',
    '0xffffffffc0900000',
  ]);
  assert.equal(kernel.reads, 2);
});

test('without symbols every address is itself', async () => {
  const calls = {
    kernelSymbols: async () => undefined,
    fileSymbols: async () => [],
    kernelEnum: async () => ({}),
    compilePacketFilter: async () => [],
  };
  assert.deepEqual(await new KernelFrames(calls, '/nonexistent').names([1n, 2n]), ['0x1', '0x2']);
});
