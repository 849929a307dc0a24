import assert from 'node:assert/strict';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { readMemoryCgroup } from '../../src/procfs/memory-cgroup.ts';
import { FixtureProc } from '../support/fixture-proc.ts';

/** A procfs of a v2 host with cgroups `/web` and `/other` below a mount point beside it; process 7 is in `/web`. */
class Host extends FixtureProc {
  readonly #mountPoint = join(this.directory, 'mounted');

  constructor() {
    super();
    this.write(
      'self/mountinfo',
      `30 24 0:26 / ${this.#mountPoint} rw shared:9 - cgroup2 cgroup2 rw,nsdelegate\n`,
    );
    this.write('self/cgroup', '0::/\n');
    this.write('7/cgroup', '0::/web\n');
    for (const name of ['web', 'other']) {
      this.write(`mounted/${name}/memory.current`, '4096\n');
      this.write(`mounted/${name}/memory.max`, 'max\n');
      // The last one is how v1 says none.
      this.write(`mounted/${name}/memory.stat`, 'anon 4096\nhierarchical_memsw_limit 9223372036854771712\n');
      this.write(`mounted/${name}/memory.events`, 'oom_kill 1\n');
    }
  }

  directoryOf(name: string): string {
    return join(this.#mountPoint, name);
  }

  id(name: string): bigint {
    return statSync(this.directoryOf(name), { bigint: true }).ino;
  }

  /** The path found. */
  find(pid: number, cgroup: string, known?: Parameters<typeof readMemoryCgroup>[3]): string | undefined {
    return readMemoryCgroup(this.directory, pid, this.id(cgroup), known)?.state.path;
  }
}

test('a cgroup is found by a task that is in it', () => {
  using host = new Host();
  assert.deepEqual(readMemoryCgroup(host.directory, 7, host.id('web'), undefined)?.state, {
    path: '/web',
    current: 4096,
    stat: { anon: 4096 },
    events: { oom_kill: 1 },
  });
});

test('the cgroup of a task that is gone is found by its path, or by what its container has', () => {
  using host = new Host();
  assert.equal(host.find(8, 'web', '/web'), '/web');
  assert.equal(host.find(8, 'web', { unified: host.directoryOf('web') }), '/web');
  assert.equal(host.find(8, 'web'), undefined);
});

test('another cgroup is never taken for it: neither that of a process with its id, nor one with its path', () => {
  using host = new Host();
  assert.equal(host.find(7, 'other'), undefined);
  assert.equal(host.find(8, 'other', '/web'), undefined);
  assert.equal(host.find(7, 'other', '/other'), '/other');
});
