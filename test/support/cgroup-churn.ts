/** Cgroups that come and go in great numbers, each with a process that runs in it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, rmdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { readHierarchies } from '../../src/procfs/cgroup-hierarchies.ts';
import type { TestCgroup } from './cgroup.ts';
import { eventually } from './eventually.ts';
import { taskState } from './task-state.ts';

/** Of so many cgroups $2 below $1, each is made, has a process run in it, and is removed again unless it is to be left. */
const RUN_IN_EACH = `
cd "$1"; i=0
while [ $i -lt "$2" ]; do
  mkdir "job-$i.scope"; echo $$ > "job-$i.scope/cgroup.procs"; /bin/true; echo $$ > cgroup.procs
  if [ "$3" = remove ]; then until rmdir "job-$i.scope" 2>/dev/null; do :; done; fi
  i=$((i + 1))
done
cd ..; echo $$ > cgroup.procs`;

export async function runInEach(parent: TestCgroup, count: number, then: 'remove' | 'leave'): Promise<void> {
  const shell = spawn('sh', ['-c', RUN_IN_EACH, 'sh', parent.path, String(count), then], {
    stdio: 'inherit',
  });
  const [code] = await once(shell, 'close');
  if (code !== 0) throw new Error(`cgroups in ${parent.path}: the shell ended with ${code}`);
}

/** Removes what `runInEach` has left. */
export async function removeEach(parent: TestCgroup): Promise<void> {
  for (const entry of readdirSync(parent.path, { withFileTypes: true })) {
    if (entry.isDirectory()) await removeOne(join(parent.path, entry.name));
  }
}

/** A task that has ended may be in its cgroup for a moment longer. */
export async function removeOne(path: string): Promise<void> {
  await eventually(`cgroup ${path} to be empty`, () => {
    try {
      rmdirSync(path);
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EBUSY') return false;
      throw error;
    }
  });
}

/** A process of the cgroup that has waited for a CPU a few times and then stands still; it ends when it is disposed of. */
export async function restIn(cgroup: TestCgroup): Promise<AsyncDisposable> {
  const script = 'read go; for i in 1 2 3 4 5; do sleep 0.01; done; echo; kill -STOP $$';
  const child = spawn('sh', ['-c', script], { stdio: ['pipe', 'pipe', 'inherit'] });
  const closed = once(child, 'close');
  cgroup.add(child.pid ?? 0);
  child.stdin.end('go\n');
  await once(child.stdout, 'data');
  await eventually('the process to be stopped', () => taskState(child.pid ?? 0) === 'T');
  return {
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      await closed;
    },
  };
}

/** Inodes of all cgroups there are. */
export function liveInodes(): Set<bigint> {
  const found = new Set<bigint>();
  for (const { mountPoint } of readHierarchies('/proc')) {
    found.add(statSync(mountPoint, { bigint: true }).ino);
    for (const entry of readdirSync(mountPoint, { recursive: true, withFileTypes: true })) {
      if (!entry.isDirectory()) continue;
      const stat = statSync(join(entry.parentPath, entry.name), { bigint: true, throwIfNoEntry: false });
      if (stat) found.add(stat.ino);
    }
  }
  return found;
}
