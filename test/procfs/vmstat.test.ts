import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { parseFlatKeyed } from '../../src/procfs/memory-cgroup.ts';
import { isMemoryStatCounter, isVmstatCounter } from '../../src/procfs/vmstat.ts';

test('what is there is a level, what has happened is a counter', () => {
  for (const level of ['nr_free_pages', 'nr_dirty', 'nr_dirty_threshold', 'nr_hugetlb', 'workingset_nodes'])
    assert.equal(isVmstatCounter(level), false, level);
  for (const counter of [
    'nr_dirtied',
    'nr_written',
    'pgfault',
    'oom_kill',
    'workingset_refault_anon',
    'swap_ra',
  ])
    assert.equal(isVmstatCounter(counter), true, counter);
  for (const level of [
    'anon',
    'file_dirty',
    'inactive_file',
    'shmem_thp',
    'hierarchical_memory_limit',
    'swap',
  ])
    assert.equal(isMemoryStatCounter(level), false, level);
  for (const counter of ['pgfault', 'pgscan_cswapd', 'workingset_activate_file', 'thp_fault_alloc', 'zswpin'])
    assert.equal(isMemoryStatCounter(counter), true, counter);
});

test('counters of this kernel do not fall between two reads', () => {
  const before = parseFlatKeyed(readFileSync('/proc/vmstat', 'utf8'));
  const after = parseFlatKeyed(readFileSync('/proc/vmstat', 'utf8'));
  assert.ok(Object.keys(before).length > 50);
  for (const [key, value] of Object.entries(before))
    if (isVmstatCounter(key)) assert.ok(after[key]! >= value, `${key} was ${value} and is ${after[key]}`);
});
