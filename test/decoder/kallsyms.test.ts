import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import fc from 'fast-check';
import { parseSymbols, readSymbols } from '../../src/decoder/kallsyms.ts';
import type { SymbolTable } from '../../src/decoder/symbol-table.ts';

const parse = (text: string): [bigint, string][] => rows(parseSymbols(Buffer.from(text, 'latin1')));

function rows({ addresses, nameOffsets, names }: SymbolTable): [bigint, string][] {
  assert.equal(nameOffsets.length, addresses.length + 1);
  return Array.from(addresses, (address, index) => [
    address,
    Buffer.from(names.subarray(nameOffsets[index], nameOffsets[index + 1])).toString('latin1'),
  ]);
}

test('text symbols by address, with full 64 bits, module names left out', () => {
  assert.deepEqual(
    parse(
      [
        'ffffffff81000000 T _text',
        'ffffffff81000040 t secondary_startup_64',
        'ffffffff82000000 D some_data',
        'ffffffff81000080 W weak_one',
        'ffffffffc0201000 t nf_hook\t[nf_tables]',
        '',
      ].join('\n'),
    ),
    [
      [0xffffffff81000000n, '_text'],
      [0xffffffff81000040n, 'secondary_startup_64'],
      [0xffffffff81000080n, 'weak_one'],
      [0xffffffffc0201000n, 'nf_hook'],
    ],
  );
});

test('modules and BPF programs come behind the kernel and are sorted in', () => {
  assert.deepEqual(parse('30 t c\n10 t a\n8000000000000000 t last\n20 t b\n100000000 t high\n'), [
    [0x10n, 'a'],
    [0x20n, 'b'],
    [0x30n, 'c'],
    [0x100000000n, 'high'],
    [0x8000000000000000n, 'last'],
  ]);
});

const MALFORMED: Readonly<Record<string, string>> = {
  'an address that is no number': 'ffzz t x',
  'an address of more than 64 bits': '1ffffffffffffffff t x',
  'no type': 'ff  x',
  'a type of two letters': 'ff tt x',
  'no name': 'ff t ',
  'one word': 'ffffffff81000000',
  'nothing before the space': ' t x',
  'a hidden address': '0000000000000000 t x',
};
for (const [what, line] of Object.entries(MALFORMED)) {
  test(`a line with ${what} is skipped and its neighbours are not`, () => {
    assert.deepEqual(parse(`10 t before\n${line}\n20 t after\n`), [
      [0x10n, 'before'],
      [0x20n, 'after'],
    ]);
  });
}

test('the last line needs no newline', () => {
  assert.deepEqual(parse('10 t a'), [[0x10n, 'a']]);
});

test('any table comes back from its text, whatever the order', () => {
  const symbol = fc.tuple(fc.bigInt(1n, 2n ** 64n - 1n), fc.stringMatching(/^[A-Za-z_.$][\w.$]{0,30}$/));
  fc.assert(
    fc.property(fc.uniqueArray(symbol, { selector: ([address]) => address }), (symbols) => {
      const text = symbols.map(([address, name]) => `${address.toString(16)} t ${name}\n`).join('');
      assert.deepEqual(
        parse(text),
        symbols.toSorted(([a], [b]) => (a < b ? -1 : 1)),
      );
    }),
  );
});

test('a file longer than the read buffer is one table, wherever its pieces are cut', () => {
  const directory = mkdtempSync(join(tmpdir(), 'huatuo-kallsyms-'));
  try {
    const symbols = Array.from({ length: 10_000 }, (_, index) => [
      BigInt(index + 1) * 16n,
      `symbol_${index}`,
    ]);
    writeFileSync(
      join(directory, 'kallsyms'),
      symbols.map(([address, name]) => `${address?.toString(16)} T ${name}\n`).join(''),
    );
    assert.deepEqual(rows(readSymbols(directory).table), symbols);
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test('no file is an empty table: stacks then show addresses', () => {
  assert.deepEqual(rows(readSymbols('/nonexistent').table), []);
});

test('the symbols of this kernel are in ascending order', () => {
  const { addresses } = readSymbols('/proc').table;
  for (let index = 1; index < addresses.length; index++)
    assert.ok((addresses[index - 1] ?? 0n) <= (addresses[index] ?? 0n));
});
