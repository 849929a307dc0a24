import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseNodeMeminfo, readNumaNodes } from '../../src/procfs/numa-nodes.ts';
import { memoryLog } from '../storage/journal/fixture.ts';
import { FixtureProc } from '../support/fixture-proc.ts';

test('meminfo of a node is that of the host with the node in front', () => {
  const text = 'Node 3 MemTotal:       16 kB\nNode 3 HugePages_Total:     2\nNode 3 Active(anon):   4 kB\n';
  assert.deepEqual(parseNodeMeminfo(text), { MemTotal: 16384, HugePages_Total: 2, 'Active(anon)': 4096 });
});

test('nodes are found by their directories, whatever else there is', () => {
  using sys = new FixtureProc();
  assert.deepEqual(readNumaNodes(sys.directory, memoryLog()), [], 'a kernel without NUMA');
  const root = 'devices/system/node';
  sys.write(`${root}/node1/numastat`, 'numa_hit 7\nnuma_miss 1\n');
  sys.write(`${root}/node1/meminfo`, 'Node 1 MemFree: 4 kB\n');
  sys.write(`${root}/node12/numastat`, '');
  sys.write(`${root}/power/control`, 'auto\n');
  sys.write(`${root}/online`, '1,12\n');
  const nodes = readNumaNodes(sys.directory, memoryLog()).toSorted((a, b) => Number(a.node) - Number(b.node));
  assert.deepEqual(nodes, [
    { node: '1', allocations: { numa_hit: 7, numa_miss: 1 }, meminfo: { MemFree: 4096 } },
    { node: '12', allocations: {}, meminfo: {} },
  ]);
});
