/** A disk that is slow for a container, which reads and writes it: what is said of it, of them, and of their files. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { ProfileDocument } from '../../../src/sdk/profile-document.ts';
import { AgentProcess } from '../../support/agent.ts';
import { skipWithoutController, TestCgroup } from '../../support/cgroup.ts';
import { CompiledProgram } from '../../support/compiled-program.ts';
import { skipWithoutPrograms } from '../../support/container-programs.ts';
import { hottestUserFrame, processesOf } from '../../support/flame-rows.ts';
import { skipWithoutBpf } from '../../support/kernel.ts';
import { RunningProgram } from '../../support/running-program.ts';
import { ThrottledDisk } from '../../support/throttled-disk.ts';

/** Ten blocks of 64 KiB a second for those who read, as many for those who write. */
const LIMIT_BYTES = 10 * 65536;
const READERS = 4;

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

interface Found extends ProfileDocument {
  readonly reason_snapshot: {
    readonly type: string;
    readonly device: string;
    readonly major_num: number;
    readonly iostatus: { readonly io_util: number; readonly queue_size: number };
  };
  readonly process_file_io_stats: readonly Row[];
  readonly io_schedule_timeout_stacks: readonly { readonly pid: number; readonly stack: readonly string[] }[];
  readonly users_before?: readonly { readonly container_id?: string; readonly disk_read_bps: number }[];
  readonly lost: number;
}

test('a disk that is slow for its readers and writers is one document, with who they are, their container, files and functions', {
  skip,
}, async () => {
  await using undo = new AsyncDisposableStack();
  const id = process.pid.toString(16).padStart(64, 'f');
  const cgroup = undo.use(TestCgroup.make('blkio', `/docker/${id}`));
  const framed = undo.use(new CompiledProgram('disk_user', '-O0', '-fno-omit-frame-pointer'));
  const lean = undo.use(new CompiledProgram('disk_user', '-O2', '-fomit-frame-pointer'));
  const disk = undo.use(ThrottledDisk.make());
  const files = { read: join(disk.directory, 'is read'), write: join(disk.directory, 'is written') };
  writeFileSync(files.read, Buffer.alloc(1 << 20, 1), { flush: true });
  const agent = undo.use(
    await AgentProcess.start({
      only: ['iotracing'],
      config: { collectors: { iotracing: { every: '1s', profile: '2s' } } },
    }),
  );
  disk.throttle(cgroup, LIMIT_BYTES);
  const start = async (path: string, what: 'read' | 'write'): Promise<RunningProgram> => {
    const program = undo.use(await RunningProgram.start(path, what, files[what]));
    cgroup.add(program.pid);
    return program;
  };
  const writer = await start(framed.path, 'write');
  const readers: RunningProgram[] = [];
  for (let number = 0; number < READERS; number++)
    readers.push(await start(number % 2 ? lean.path : framed.path, 'read'));

  // The host's own disks may be slow, too.
  const documentsOf = () =>
    agent
      .documents('iotracing')
      .filter(({ data }) => (data as unknown as Found).reason_snapshot.device === disk.name);
  await agent.until('a document', () => documentsOf().length > 0);
  const [document, ...more] = documentsOf();
  assert.deepEqual(more, []);
  assert.ok(document);
  const found = document.data as unknown as Found;
  assert.ok(!('partial' in found), document.text);
  const { type, major_num, iostatus } = found.reason_snapshot;
  assert.deepEqual([type, major_num, found.lost], ['ioutil', 7, 0]);
  assert.ok(iostatus.io_util > 90 && iostatus.queue_size > 1, document.text);

  // v1 counts for disks with limits alone.
  if (cgroup.version === 2) {
    const [user] = found.users_before ?? [];
    assert.ok(user?.container_id === id && user.disk_read_bps > 0, document.text);
  }

  const rowOf = (pid: number): Row => {
    const row = found.process_file_io_stats.find((one) => one.pid === pid);
    assert.ok(row, document.text);
    assert.equal(row.container_id, id, document.text);
    return row;
  };
  for (const { pid } of readers) {
    const read = rowOf(pid);
    assert.ok(read.total_disk_read_bps > 0 && read.total_disk_write_bps === 0, document.text);
    const [file] = read.total_files;
    assert.deepEqual(
      [file?.path, file?.dev_name, file?.is_direct],
      [files.read, disk.name, true],
      document.text,
    );
    const { q2c_us = 0, d2c_us = 0 } = file ?? {};
    assert.ok(q2c_us >= d2c_us && d2c_us > 100_000, document.text);
  }
  const written = rowOf(writer.pid);
  assert.ok(written.total_fs_write_bps > 0 && written.total_disk_write_bps > 0, document.text);
  assert.ok(
    written.total_files.some(({ path, is_direct }) => path === files.write && !is_direct),
    document.text,
  );

  for (const { pid } of readers)
    assert.ok(
      found.io_schedule_timeout_stacks.some(
        (one) => one.pid === pid && one.stack.includes('reading_function'),
      ),
      document.text,
    );
  const { flamedata, profile } = found;
  assert.deepEqual([processesOf(flamedata)[0], profile.kind, profile.lost], ['disk_user', 'block', 0]);
  assert.equal(hottestUserFrame(flamedata), 'reading_function', document.text);
});
