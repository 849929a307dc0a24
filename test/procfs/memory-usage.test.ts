import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { readMemoryUsage } from '../../src/procfs/memory-usage.ts';
import { FixtureProc } from '../support/fixture-proc.ts';

test('v1: a limit that is none is absent, and usage without inactive page cache is the working set', () => {
  using files = new FixtureProc();
  const memory = files.write('memory.usage_in_bytes', '1000\n');
  files.write('memory.max_usage_in_bytes', '2000\n');
  files.write(
    'memory.stat',
    'inactive_file 1\ntotal_inactive_file 300\ntotal_swap 50\nhierarchical_memory_limit 9223372036854771712\n',
  );
  const expected = { usage: 1000, workingSet: 700, peak: 2000, swap: 50 };
  assert.deepEqual(readMemoryUsage({ memory }), expected);
  files.write('memory.stat', 'total_inactive_file 300\ntotal_swap 50\nhierarchical_memory_limit 4096\n');
  assert.deepEqual(readMemoryUsage({ memory }), { ...expected, limit: 4096 });
});

test('v2: limits are the least of those of the cgroup and of those above it', () => {
  using files = new FixtureProc();
  const pod = files.write('pod/memory.max', '4096\n');
  files.write('pod/memory.high', 'max\n');
  files.write('pod/memory.swap.max', '0\n');
  const unified = files.write('pod/one/memory.max', '8192\n');
  files.write('pod/one/memory.high', '7168\n');
  files.write('pod/one/memory.swap.max', 'max\n');
  files.write('pod/one/memory.swap.current', '0\n');
  files.write('pod/one/memory.current', '100\n');
  files.write('pod/one/memory.stat', 'inactive_file 200\n');
  assert.deepEqual(readMemoryUsage({ unified }), {
    usage: 100,
    workingSet: 0,
    limit: 4096,
    throttleLimit: 7168,
    swap: 0,
    swapLimit: 0,
  });
  assert.equal(readMemoryUsage({ unified: pod }), undefined, 'no memory.current');
  assert.equal(readMemoryUsage({ memory: join(pod, 'gone') }), undefined);
  assert.equal(readMemoryUsage({}), undefined);
});
