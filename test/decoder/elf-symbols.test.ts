/** Symbols of executables: this process's own, and files that lie. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import fc from 'fast-check';
import { type ByteSource, openElf, readFileSymbols } from '../../src/decoder/elf-symbols.ts';
import { symbolAt } from '../../src/decoder/symbol-table.ts';
import { runSymbolTask } from '../../src/decoder/symbol-tasks.ts';
import { executableFiles } from '../../src/procfs/executable-files.ts';

const BUILD_ID = '00112233445566778899aabbccddeeff01234567';

interface Function {
  readonly name: string;
  readonly address: number;
  readonly bytes: number;
}

/** A file with a build id, one segment that is mapped 0x400000 further up than it lies in the file, and these functions. */
function elf(functions: readonly Function[], type = 2): Buffer {
  const strings = Buffer.from(`\0${functions.map(({ name }) => `${name}\0`).join('')}`, 'latin1');
  const symbols = Buffer.alloc((functions.length + 1) * 24);
  let name = 1;
  for (const [index, { name: text, address, bytes }] of functions.entries()) {
    const at = (index + 1) * 24;
    symbols.writeUInt32LE(name, at);
    symbols[at + 4] = 0x12;
    symbols.writeUInt16LE(1, at + 6);
    symbols.writeBigUInt64LE(BigInt(address), at + 8);
    symbols.writeBigUInt64LE(BigInt(bytes), at + 16);
    name += text.length + 1;
  }
  const notes = Buffer.concat([
    Buffer.from(Uint32Array.of(4, 20, 3, 0x00554e47).buffer),
    Buffer.from(BUILD_ID, 'hex'),
  ]);
  const notesAt = 64 + 2 * 56;
  const symbolsAt = notesAt + notes.length;
  const stringsAt = symbolsAt + symbols.length;
  const sectionsAt = stringsAt + strings.length;
  const header = Buffer.alloc(64);
  header.write('\x7fELF\x02\x01\x01', 0, 'latin1');
  header.writeBigUInt64LE(64n, 32);
  header.writeBigUInt64LE(BigInt(sectionsAt), 40);
  for (const [at, value] of [
    [54, 56],
    [56, 2],
    [58, 64],
    [60, 3],
  ] as const)
    header.writeUInt16LE(value, at);
  const segments = Buffer.concat([
    segment(4, notesAt, 0, notes.length),
    segment(1, 0x1000, 0x401000, 0x10000),
  ]);
  const sections = Buffer.concat([
    Buffer.alloc(64),
    section(type, symbolsAt, symbols.length, 2),
    section(3, stringsAt, strings.length, 0),
  ]);
  return Buffer.concat([header, segments, notes, symbols, strings, sections]);
}

function segment(type: number, offset: number, address: number, bytes: number): Buffer {
  const header = Buffer.alloc(56);
  header.writeUInt32LE(type, 0);
  for (const [at, value] of [
    [8, offset],
    [16, address],
    [32, bytes],
  ] as const)
    header.writeBigUInt64LE(BigInt(value), at);
  return header;
}

function section(type: number, offset: number, bytes: number, link: number): Buffer {
  const header = Buffer.alloc(64);
  header.writeUInt32LE(type, 4);
  header.writeBigUInt64LE(BigInt(offset), 24);
  header.writeBigUInt64LE(BigInt(bytes), 32);
  header.writeUInt32LE(link, 40);
  return header;
}

const sourceOf = (file: Uint8Array): ByteSource => ({
  read: (offset, length) =>
    offset + length <= file.length ? file.subarray(offset, offset + length) : undefined,
});

function namesOf(file: Uint8Array, offsets: readonly bigint[]): readonly (string | undefined)[] {
  const opened = openElf(sourceOf(file));
  assert.ok(opened);
  const table = readFileSymbols(opened);
  assert.ok(table);
  return offsets.map((offset) => symbolAt(table, offset));
}

const FUNCTIONS = [
  { name: 'second', address: 0x401100, bytes: 0x40 },
  { name: 'first', address: 0x401000, bytes: 0x80 },
  { name: 'alias', address: 0x401100, bytes: 0x40 },
  { name: 'of_unknown_size', address: 0x401200, bytes: 0 },
  { name: 'outside', address: 0x900000, bytes: 16 },
];

for (const [table, type] of Object.entries({ '.symtab': 2, '.dynsym': 11 })) {
  test(`functions of ${table} are found by their offset in the file, and end where they end`, () => {
    const offsets = [0x1000n, 0x107fn, 0x1080n, 0x1100n, 0x113fn, 0x1140n, 0x1234n, 0xfffn];
    assert.deepEqual(namesOf(elf(FUNCTIONS, type), offsets), [
      'first+0x0',
      'first+0x7f',
      undefined,
      'second+0x0',
      'second+0x3f',
      undefined,
      'of_unknown_size+0x34',
      undefined,
    ]);
  });
}

test('names cannot break the JSON or the terminal they are printed in', () => {
  const name = `a"\\\n\x1b\xff${'b'.repeat(1000)}`;
  const [found] = namesOf(elf([{ name, address: 0x401000, bytes: 16 }]), [0x1001n]);
  assert.equal(found, `a?????${'b'.repeat(506)}+0x1`);
});

test('a file with any bytes changed, or cut off anywhere, is read without an exception', () => {
  const sound = elf(FUNCTIONS);
  const change = fc.record({ at: fc.nat(sound.length - 1), value: fc.nat(255) });
  const property = fc.property(
    fc.array(change, { maxLength: 8 }),
    fc.nat(sound.length),
    (changes, length) => {
      const file = Buffer.from(sound);
      for (const { at, value } of changes) file[at] = value;
      const opened = openElf(sourceOf(length === 0 ? file : file.subarray(0, length)));
      const table = opened && readFileSymbols(opened);
      if (table) for (const offset of [0n, 0x1000n, 2n ** 63n]) symbolAt(table, offset);
    },
  );
  fc.assert(property, { numRuns: 2000 });
});

test('the functions of this very process are found in its files', () => {
  const files = executableFiles('/proc', process.pid);
  const [own] = files;
  assert.ok(own);
  const opened = openElf(sourceOf(readFileSync(process.execPath)));
  assert.ok(opened?.buildId);
  const answer = runSymbolTask({
    type: 'files',
    procfs: '/proc',
    process: process.pid,
    buildIds: [opened.buildId],
  });
  assert.ok(answer.type === 'files');
  const [file] = answer.files;
  assert.equal(file?.name, own.name);
  const { addresses } = file?.table ?? {};
  assert.ok(addresses && addresses.length > 1000, `${addresses?.length} symbols`);
  for (let index = 1; index < addresses.length; index++) assert.ok(addresses[index - 1]! < addresses[index]!);
});

test('a process that is gone has no files', () => {
  const task = { type: 'files', procfs: '/proc', process: 2 ** 22 + 1, buildIds: [BUILD_ID] } as const;
  assert.deepEqual(runSymbolTask(task), { type: 'files', files: [] });
});
