import assert from 'node:assert/strict';
import { test } from 'node:test';
import { idsBelow } from '../../src/procfs/cgroup-ids.ts';
import { FixtureProc } from '../support/fixture-proc.ts';

test('of each cgroup the first list that is there is read', () => {
  using proc = new FixtureProc();
  const cgroup = proc.write('a/first', '1\n2\n');
  proc.write('a/second', '3\n');
  proc.write('a/below/second', '4\n');
  assert.deepEqual([...idsBelow(cgroup, ['first', 'second'])], ['1', '2', '4']);
});

test('a tree of cgroups without end is left after some hundred', () => {
  using proc = new FixtureProc();
  for (let n = 1; n <= 300; n++) proc.write(`a/${n}/list`, `${n}\n`);
  const ids = [...idsBelow(`${proc.directory}/a`, ['list'])];
  assert.equal(ids.length, 255);
});
