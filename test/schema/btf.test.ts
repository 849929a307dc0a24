import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import test from 'node:test';
import fc from 'fast-check';
import { HuatuoError } from '../../src/error.ts';
import { at } from '../../src/paths.ts';
import type { Btf } from '../../src/schema/btf.ts';
import { readBtf } from '../../src/schema/btf-reader.ts';
import { readElf } from '../../src/schema/elf.ts';
import { readManifest } from '../../src/schema/read-manifest.ts';
import { compiled, temporaryDirectory } from '../build/compiled.ts';

const object = await compiled(at('test/fixtures/bpf/sample.bpf.c'));
const section =
  readElf(object).sections.find((candidate) => candidate.name === '.BTF')?.data ?? new Uint8Array();
const btf = readBtf(section);

/** A .BTF section with these 32-bit words as types and this string table. */
function handMade(words: readonly number[], texts: string): Uint8Array {
  const strings = Buffer.from(texts);
  const header = Buffer.alloc(24);
  header.writeUInt16LE(0xeb9f, 0);
  header.writeUInt8(1, 2);
  for (const [index, value] of [24, 0, words.length * 4, words.length * 4, strings.length].entries()) {
    header.writeUInt32LE(value, 4 + index * 4);
  }
  return Buffer.concat([header, Buffer.from(Uint32Array.from(words).buffer), strings]);
}

function only(read: Btf): Btf['types'][number] | undefined {
  return read.types[1];
}

test('ENUM64 keeps values beyond 32 bits, signed and unsigned', () => {
  const values = [1, 0xffffffff, 0xffffffff];
  const unsigned = only(readBtf(handMade([0, (19 << 24) | 1, 8, ...values], '\0big\0')));
  const signed = only(readBtf(handMade([0, ((19 << 24) | 1 | (1 << 31)) >>> 0, 8, ...values], '\0big\0')));
  assert.deepEqual(unsigned, {
    kind: 'enum',
    name: '',
    bytes: 8,
    enumerators: [{ name: 'big', value: 2n ** 64n - 1n }],
  });
  assert.deepEqual(signed, { kind: 'enum', name: '', bytes: 8, enumerators: [{ name: 'big', value: -1n }] });
});

test('a kind that is not known is refused by its number', () => {
  assert.throws(() => readBtf(handMade([0, 31 << 24, 0], '\0')), /kind 31/);
});

test('a typedef that names itself ends in an error, not in a loop', () => {
  const cycle = readBtf(handMade([1, 8 << 24, 1], '\0self\0'));
  assert.throws(() => cycle.resolve(1), { code: 'OBJECT_UNREADABLE' });
  assert.throws(() => cycle.bytes(1), { code: 'OBJECT_UNREADABLE' });
});

test('an array of itself has no size', () => {
  const cycle = readBtf(handMade([0, 3 << 24, 0, 1, 1, 2], '\0'));
  assert.throws(() => cycle.bytes(1), { code: 'OBJECT_UNREADABLE' });
});

const bpftool = spawnSync('bpftool', ['version']).status === 0;
test('names and sizes are those that bpftool reads', {
  skip: bpftool ? false : 'bpftool is not installed',
}, () => {
  using directory = temporaryDirectory();
  const file = `${directory.path}/sample.bpf.o`;
  writeFileSync(file, object);
  const dump = JSON.parse(
    execFileSync('bpftool', ['btf', 'dump', 'file', file, '--json'], { encoding: 'utf8' }),
  );
  const theirs = dump.types.map((type: { name: string; size?: number }) => [type.name, type.size ?? 0]);
  const ours = btf.types.slice(1).map((type) => {
    return ['name' in type && type.name !== '' ? type.name : '(anon)', 'bytes' in type ? type.bytes : 0];
  });
  assert.deepEqual(ours, theirs);
});

test('a damaged object is refused with one of our errors, whatever byte was hit', () => {
  const damage = fc.array(fc.tuple(fc.nat(object.length - 1), fc.integer({ min: 0, max: 255 })), {
    maxLength: 20,
  });
  fc.assert(
    fc.property(damage, fc.nat(object.length), (flips, length) => {
      const copy = Uint8Array.from(object);
      for (const [sharedMemory, value] of flips) copy[sharedMemory] = value;
      try {
        readManifest(length % 4 === 0 ? copy.subarray(0, length) : copy, 'sample', 'sample.bpf.c');
      } catch (error) {
        assert.ok(error instanceof HuatuoError, String(error instanceof Error ? error.stack : error));
      }
    }),
    { numRuns: 2000 },
  );
});

test('damaged types are refused with one of our errors', () => {
  fc.assert(
    fc.property(fc.nat(section.length - 1), fc.integer({ min: 0, max: 255 }), (sharedMemory, value) => {
      const copy = Uint8Array.from(section);
      copy[sharedMemory] = value;
      try {
        const read = readBtf(copy);
        for (const id of read.types.keys()) read.bytes(id);
      } catch (error) {
        assert.ok(error instanceof HuatuoError, String(error instanceof Error ? error.stack : error));
      }
    }),
    { numRuns: 1000 },
  );
});
