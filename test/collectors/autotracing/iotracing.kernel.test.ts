/** A disk of the test's own with a reader and a writer in a container: what is said of it, of them, and of their files. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { AgentProcess } from '../../support/agent.ts';
import { skipWithoutController, TestCgroup } from '../../support/cgroup.ts';
import { CompiledProgram } from '../../support/compiled-program.ts';
import { skipWithoutPrograms } from '../../support/container-programs.ts';
import { LoopDevice } from '../../support/disks.ts';
import { skipWithoutBpf } from '../../support/kernel.ts';
import { RunningProgram } from '../../support/running-program.ts';
import { Undo } from '../../support/undo.ts';

const skip =
  skipWithoutBpf() || skipWithoutController('blkio') || skipWithoutPrograms('cc', 'mkfs.ext4', 'losetup');

interface Row {
  readonly pid: number;
  readonly container_id?: string;
  readonly total_fs_write_bps: number;
  readonly total_disk_read_bps: number;
  readonly total_disk_write_bps: number;
  readonly total_files: readonly {
    readonly path?: string;
    readonly dev_name?: string;
    readonly is_direct: boolean;
    readonly disk_read_bps: number;
    readonly q2c_us?: number;
    readonly d2c_us?: number;
  }[];
}

interface Found {
  readonly reason_snapshot: { readonly type: string; readonly device: string; readonly major_num: number };
  readonly process_file_io_stats: readonly Row[];
  readonly io_schedule_timeout_stacks: readonly { readonly pid: number; readonly stack: readonly string[] }[];
  readonly lost: number;
}

test('a disk that is busy is one document, with the processes, their container and the files', {
  skip,
}, async () => {
  await using undo = new AsyncDisposableStack();
  const id = process.pid.toString(16).padStart(64, 'f');
  const cgroup = undo.use(TestCgroup.make('blkio', `/docker/${id}`));
  const program = undo.use(new CompiledProgram('disk_user', '-O0', '-fno-omit-frame-pointer'));
  const disk = undo.use(new LoopDevice(64 << 20));
  execFileSync('mkfs.ext4', ['-q', disk.path]);
  const directory = mkdtempSync(join(tmpdir(), 'huatuo-iotracing-'));
  undo.defer(() => rmdirSync(directory));
  execFileSync('mount', [disk.path, directory]);
  undo.use(new Undo('umount "$1"', directory));
  const files = { read: join(directory, 'is read'), write: join(directory, 'is written') };
  writeFileSync(files.read, Buffer.alloc(1 << 20, 1), { flush: true });
  const reader = undo.use(await RunningProgram.start(program.path, 'read', files.read));
  const writer = undo.use(await RunningProgram.start(program.path, 'write', files.write));
  for (const { pid } of [reader, writer]) cgroup.add(pid);

  const agent = undo.use(
    await AgentProcess.start({
      only: ['iotracing'],
      config: {
        collectors: {
          iotracing: { every: '1s', include: disk.name, util_percent: 0.1, profile: '2s' },
        },
      },
    }),
  );
  const documents = await agent.until('a document', () => {
    const all = agent.documents('iotracing');
    return all.length > 0 && all;
  });
  const [document, ...more] = documents;
  assert.deepEqual(more, []);
  assert.ok(document);
  const found = document.data as unknown as Found;
  assert.ok(!('partial' in found), document.text);
  const { type, device, major_num } = found.reason_snapshot;
  assert.deepEqual([type, device, major_num, found.lost], ['ioutil', disk.name, 7, 0]);

  const rowOf = (pid: number): Row => {
    const row = found.process_file_io_stats.find((one) => one.pid === pid);
    assert.ok(row, document.text);
    assert.equal(row.container_id, id, document.text);
    return row;
  };
  const read = rowOf(reader.pid);
  assert.ok(read.total_disk_read_bps >= 65536 && read.total_disk_write_bps === 0, document.text);
  const [readFile] = read.total_files;
  assert.deepEqual(
    [readFile?.path, readFile?.dev_name, readFile?.is_direct],
    [files.read, disk.name, true],
    document.text,
  );
  assert.ok((readFile?.q2c_us ?? 0) >= (readFile?.d2c_us ?? Number.POSITIVE_INFINITY), document.text);
  const written = rowOf(writer.pid);
  assert.ok(written.total_fs_write_bps >= 65536 && written.total_disk_write_bps >= 65536, document.text);
  assert.ok(
    written.total_files.some(({ path, is_direct }) => path === files.write && !is_direct),
    document.text,
  );
  assert.ok(
    found.io_schedule_timeout_stacks.some(
      ({ pid, stack }) => pid === reader.pid && stack.includes('reading_function'),
    ),
    document.text,
  );
});
