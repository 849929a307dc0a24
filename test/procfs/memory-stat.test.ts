import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { memoryStatValue, parseMemoryStat, readMemoryStat } from '../../src/procfs/memory-stat.ts';
import { FixtureProc } from '../support/fixture-proc.ts';

test('v1 has the values with descendants under the names of v2', () => {
  const text =
    'cache 10\nrss 20\ndirty 1\nhierarchical_memory_limit 4096\ntotal_cache 110\ntotal_rss 120\ntotal_dirty 3\n';
  assert.deepEqual(
    [...parseMemoryStat(text)].sort(),
    [
      ['cache', 110],
      ['dirty', 3],
      ['hierarchical_memory_limit', 4096],
      ['rss', 120],
    ],
    'in whatever order they stand',
  );
  assert.equal(parseMemoryStat('total_cache 110\ncache 10\n').get('cache'), 110);
});

test('v1 is read where there are both, and a cgroup that is gone has nothing', () => {
  using files = new FixtureProc();
  const memory = files.write('v1/memory.stat', 'cache 1\n');
  const unified = files.write('v2/memory.stat', 'file 2\n');
  assert.deepEqual([...(readMemoryStat({ memory, unified }) ?? [])], [['cache', 1]]);
  assert.deepEqual([...(readMemoryStat({ unified }) ?? [])], [['file', 2]]);
  assert.equal(readMemoryStat({ unified: `${unified}/gone` }), undefined);
  assert.equal(readMemoryStat({ cpu: memory }), undefined);
});

test('one value is the one that the whole text has', () => {
  const line = fc.tuple(fc.constantFrom('a', 'b', 'ab', 'total_a', 'total_b', 'total_ab'), fc.nat());
  fc.assert(
    fc.property(fc.uniqueArray(line, { selector: ([key]) => key }), fc.boolean(), (lines, isCut) => {
      const text = lines.map(([key, value]) => `${key} ${value}`).join('\n') + (isCut ? '' : '\n');
      for (const key of ['a', 'b', 'ab'])
        assert.equal(memoryStatValue(text, key), parseMemoryStat(text).get(key), text);
    }),
  );
});

test('any text is read', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      for (const value of parseMemoryStat(text).values()) assert.ok(value >= 0);
    }),
  );
});
