import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readCgroupMemoryKinds, readHostMemoryKinds } from '../../src/procfs/memory-kinds.ts';
import { FixtureProc } from '../support/fixture-proc.ts';

const V1 = `active_anon 1
inactive_anon 1
total_active_anon 3000
total_inactive_anon 500
`;

test('of the host, and what it has', () => {
  using proc = new FixtureProc();
  proc.write(
    'meminfo',
    'MemTotal: 1000 kB\nActive(anon): 10 kB\nInactive(anon): 20 kB\nActive(file): 9 kB\n',
  );
  assert.deepEqual(readHostMemoryKinds(proc.directory), { anon_bytes: 30 * 1024, limit_bytes: 1000 * 1024 });
  const { anon_bytes, limit_bytes = 0 } = readHostMemoryKinds('/proc');
  assert.ok(anon_bytes > 0 && anon_bytes < limit_bytes);
});

test('a file that is something else is refused', () => {
  using proc = new FixtureProc();
  proc.write('meminfo', 'MemTotal: 1000 kB\n');
  assert.throws(() => readHostMemoryKinds(proc.directory), { code: 'SOURCE_UNREADABLE' });
  assert.throws(() => readHostMemoryKinds('/nonexistent'), { code: 'SOURCE_UNREADABLE' });
});

test('of a v1 cgroup with those below it; the limit is the least of those above', () => {
  using proc = new FixtureProc();
  const memory = proc.write('a/memory.stat', `${V1}hierarchical_memory_limit 9000\n`);
  assert.deepEqual(readCgroupMemoryKinds({ memory }), { anon_bytes: 3500, limit_bytes: 9000 });
  const free = proc.write('b/memory.stat', `${V1}hierarchical_memory_limit 9223372036854771712\n`);
  assert.deepEqual(readCgroupMemoryKinds({ memory: free }), { anon_bytes: 3500 });
});

test('of a v2 cgroup', () => {
  using proc = new FixtureProc();
  const unified = proc.write('a/memory.stat', 'anon 5\nactive_anon 100\ninactive_anon 20\n');
  proc.write('a/memory.max', 'max\n');
  assert.deepEqual(readCgroupMemoryKinds({ unified }), { anon_bytes: 120 });
  proc.write('a/memory.max', '4096\n');
  assert.deepEqual(readCgroupMemoryKinds({ unified }), { anon_bytes: 120, limit_bytes: 4096 });
  const inside = proc.write('a/b/memory.stat', 'active_anon 100\ninactive_anon 20\n');
  for (const own of ['max', '9000']) {
    proc.write('a/b/memory.max', `${own}\n`);
    assert.equal(readCgroupMemoryKinds({ unified: inside })?.limit_bytes, 4096, 'the limit above it is less');
  }
});

test('a cgroup that is gone, or that counts no memory, has none', () => {
  using proc = new FixtureProc();
  const unified = proc.write('a/memory.stat', '');
  assert.equal(readCgroupMemoryKinds({ unified }), undefined);
  assert.equal(readCgroupMemoryKinds({ memory: '/nonexistent' }), undefined);
  assert.equal(readCgroupMemoryKinds({}), undefined);
});
