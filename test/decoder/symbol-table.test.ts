import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LRUCache } from 'lru-cache';
import { cachedBytes, type SymbolTable } from '../../src/decoder/symbol-table.ts';

test('a table that is larger than a whole cache is kept in it, alone', () => {
  const table = (bytes: number): SymbolTable => ({
    addresses: new BigUint64Array(1),
    nameOffsets: new Uint32Array(2),
    names: new Uint8Array(bytes),
  });
  const maxSize = 10_000;
  const cache = new LRUCache<string, SymbolTable>({
    maxSize,
    sizeCalculation: (table) => cachedBytes(table, maxSize),
  });
  cache.set('small', table(100)).set('smaller', table(10));
  assert.equal(cache.size, 2);
  cache.set('huge', table(1 << 20));
  assert.deepEqual([...cache.keys()], ['huge']);
});
