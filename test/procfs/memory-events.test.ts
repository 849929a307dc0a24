import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { readMemoryEvents } from '../../src/procfs/memory-events.ts';
import { FixtureProc } from '../support/fixture-proc.ts';

test('v2: all that the kernel counts', () => {
  using files = new FixtureProc();
  const unified = files.write(
    'memory.events',
    'low 0\nhigh 3\nmax 12\noom 1\noom_kill 2\noom_group_kill 0\n',
  );
  assert.deepEqual(readMemoryEvents({ unified }), {
    low: 0,
    high: 3,
    max: 12,
    oom: 1,
    oom_kill: 2,
    oom_group_kill: 0,
  });
});

test('v1: what it has, by the names of v2; and what only a vendor has', () => {
  using files = new FixtureProc();
  const memory = files.write('memory.oom_control', 'oom_kill_disable 0\nunder_oom 1\noom_kill 2\n');
  files.write('memory.failcnt', '5\n');
  files.write('memory.memsw.failcnt', '7\n');
  const expected = { max: 12, oom_kill_disable: 0, under_oom: 1, oom_kill: 2 };
  assert.deepEqual(readMemoryEvents({ memory }), expected);
  files.write('memory.events', 'watermark_inc 7\n');
  assert.deepEqual(readMemoryEvents({ memory }), { ...expected, watermark_inc: 7 });
});

test('no files, no events', () => {
  using files = new FixtureProc();
  const gone = join(files.directory, 'gone');
  for (const cgroups of [{}, { unified: gone }, { memory: gone }, { cpu: gone }])
    assert.equal(readMemoryEvents(cgroups as Record<string, string>), undefined);
});
