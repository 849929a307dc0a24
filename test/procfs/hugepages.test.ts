import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readHugepages } from '../../src/procfs/hugepages.ts';
import { memoryLog } from '../storage/journal/fixture.ts';
import { FixtureProc } from '../support/fixture-proc.ts';

test('each size is a pool; a file that is missing is no value', () => {
  using sys = new FixtureProc();
  assert.deepEqual(readHugepages(sys.directory, memoryLog()), [], 'a kernel without huge pages');
  const root = 'kernel/mm/hugepages';
  sys.write(`${root}/hugepages-2048kB/nr_hugepages`, '8\n');
  sys.write(`${root}/hugepages-2048kB/free_hugepages`, '3\n');
  sys.write(`${root}/hugepages-2048kB/resv_hugepages`, '2\n');
  sys.write(`${root}/hugepages-2048kB/surplus_hugepages`, '1\n');
  sys.write(`${root}/hugepages-1048576kB/nr_hugepages`, '0\n');
  sys.write(`${root}/other/nr_hugepages`, '9\n');
  const pools = readHugepages(sys.directory, memoryLog()).toSorted((a, b) => a.page_bytes - b.page_bytes);
  assert.deepEqual(pools, [
    { page_bytes: 2 << 20, allocated: 8, free: 3, reserved: 2, surplus: 1 },
    { page_bytes: 1 << 30, allocated: 0 },
  ]);
});
