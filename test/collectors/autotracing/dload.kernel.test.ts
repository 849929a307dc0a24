/** A file system that takes no writes, with tasks of a container and of the host that want to write. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AgentProcess } from '../../support/agent.ts';
import { skipWithoutController, TestCgroup } from '../../support/cgroup.ts';
import { CompiledProgram } from '../../support/compiled-program.ts';
import { skipWithoutPrograms } from '../../support/container-programs.ts';
import { type FlameRows, hottestUserFrame, processesOf } from '../../support/flame-rows.ts';
import { FrozenDisk, skipWithoutFreezing } from '../../support/frozen-disk.ts';
import type { JournalDocument } from '../../support/journal-reader.ts';
import { skipWithoutBpf } from '../../support/kernel.ts';

const skip =
  skipWithoutBpf() || skipWithoutController('cpu') || skipWithoutFreezing() || skipWithoutPrograms('cc');

interface Blocked {
  readonly dload_avg: number;
  readonly nr_uninterruptible: number;
  readonly known_issue: string;
  readonly stack: string;
  readonly tasks: readonly {
    readonly pid: number;
    readonly comm: string;
    readonly container_id?: string;
    readonly wchan: string;
    readonly syscall: string;
    readonly path: string;
    readonly device: string;
  }[];
  readonly flamedata: FlameRows;
}

test('tasks that wait for a frozen disk are one document of their container and one of the host', {
  skip,
}, async () => {
  const id = process.pid.toString(16).padStart(64, 'c');
  await using cgroup = TestCgroup.make('cpu', `/docker/${id}`);
  await using agent = await AgentProcess.start({
    only: ['dload'],
    config: {
      collectors: {
        dload: {
          ...{ every: '1s', average: '2s', window: 20, threshold: 1.5 },
          known_issues: ['nfs=^  nfs_', 'frozen=^  (percpu_rwsem_wait|vfs_write)$'],
        },
      },
    },
  });
  using framed = new CompiledProgram('stdout_writer', '-O0', '-fno-omit-frame-pointer');
  using lean = new CompiledProgram('stdout_writer', '-O2', '-fomit-frame-pointer');
  await using disk = await FrozenDisk.make();
  const pids: { readonly container: number[]; readonly host: number[] } = { container: [], host: [] };
  for (const { path } of [framed, lean, framed]) {
    pids.container.push(await disk.program(path, (pid) => cgroup.add(pid)));
    pids.host.push(await disk.writer('waits'));
  }
  const documents = await agent.until('both documents', () => {
    const all = agent.documents('dload');
    return all.length >= 2 && all;
  });
  const isOf = (owner: string | undefined) => (document: JournalDocument) =>
    document.fields.container_id === owner;
  assert.equal(documents.length, 2);
  for (const [owner, expected] of [
    [id, pids.container],
    [undefined, pids.host],
  ] as const) {
    const document = documents.find(isOf(owner));
    assert.ok(document);
    const found = document.data as unknown as Blocked;
    const own = found.tasks.filter(({ pid }) => expected.includes(pid));
    assert.deepEqual(own.map(({ pid }) => pid).toSorted(), expected.toSorted(), document.text);
    assert.ok(
      own.every(({ syscall, path }) => syscall === 'write' && path.endsWith('/file')),
      document.text,
    );
    assert.ok(
      own.every(({ device, container_id }) => device.startsWith('/dev/loop') && container_id === owner),
    );
    assert.ok(found.dload_avg > 1.5 && found.nr_uninterruptible >= 2, document.text);
    assert.match(found.stack, owner ? /^stdout_writer \(\d+\)/m : /^waits \(\d+\)/m);
    if (owner === undefined) continue;
    assert.deepEqual(processesOf(found.flamedata), ['stdout_writer']);
    assert.equal(hottestUserFrame(found.flamedata), 'writing_function', document.text);
  }
  // The one that holds the lock of the file's position waits for the thaw, the others for that lock.
  const stuck = documents
    .map(({ data }) => data as unknown as Blocked)
    .find(({ known_issue }) => known_issue);
  assert.equal(stuck?.known_issue, 'frozen', documents.map(({ text }) => text).join('\n'));
  assert.ok(stuck?.flamedata.some(({ label }) => /^(percpu_rwsem_wait|vfs_write)_\[k\]$/.test(label)));
});
