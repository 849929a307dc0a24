import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { processCgroups } from '../../src/procfs/process-cgroups.ts';

const procfs = mkdtempSync(join(tmpdir(), 'huatuo-procfs-'));
after(() => rmSync(procfs, { recursive: true }));

test('every cgroup with a process in it is told once; what is gone, or outside of the namespace, is left out', () => {
  const files = {
    1: '4:memory:/\n0::/init.scope\n',
    20: '4:memory:/docker/x\n0::/docker/x\n',
    21: '4:memory:/docker/x\n0::/docker/x\n',
    22: '0::/docker/y (deleted)\n4:memory:/../other\n',
    self: '0::/not/a/process\n',
  };
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(join(procfs, name));
    writeFileSync(join(procfs, name, 'cgroup'), text);
  }
  mkdirSync(join(procfs, '23'));
  assert.deepEqual(processCgroups(procfs), [
    { hierarchy: 4, path: '/' },
    { hierarchy: 0, path: '/init.scope' },
    { hierarchy: 4, path: '/docker/x' },
    { hierarchy: 0, path: '/docker/x' },
  ]);
});

test('a procfs that is not there has none', () => {
  assert.deepEqual(processCgroups(join(procfs, 'none')), []);
});
