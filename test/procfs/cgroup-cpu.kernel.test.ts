import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, rmdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { type CgroupPaths, readCgroupCores, readCgroupCpuUse } from '../../src/procfs/cgroup-cpu.ts';
import { skipWithoutRoot } from '../support/kernel.ts';

/** Mount points of a v1, a hybrid and a v2 host; a file that only the right hierarchy has. */
const HIERARCHIES = [
  { controller: 'cpuacct', root: '/sys/fs/cgroup/cpuacct', mark: 'cpuacct.usage' },
  { controller: 'unified', root: '/sys/fs/cgroup/unified', mark: 'cgroup.controllers' },
  { controller: 'unified', root: '/sys/fs/cgroup', mark: 'cgroup.controllers' },
];

for (const { controller, root, mark } of HIERARCHIES) {
  const skip = !existsSync(join(root, mark)) ? `no hierarchy at ${root}` : skipWithoutRoot();

  test(`a process that works shows in its cgroup below ${root}`, { skip }, () => {
    const directory = join(root, `huatuo-test-${process.pid}-${controller}`);
    mkdirSync(directory);
    try {
      const cgroups: CgroupPaths = { [controller]: directory };
      const before = readCgroupCpuUse(cgroups);
      execFileSync('sh', [
        '-c',
        'echo $$ > "$0/cgroup.procs"; i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done',
        directory,
      ]);
      const after = readCgroupCpuUse(cgroups);
      assert.ok(before && after);
      assert.ok(after.total_ns > before.total_ns);
      const cores = readCgroupCores(cgroups, availableParallelism());
      assert.ok(cores > 0 && cores <= availableParallelism());
    } finally {
      rmdirSync(directory);
    }
  });
}
