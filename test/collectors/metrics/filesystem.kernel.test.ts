/** Real mounts: one of a known size that becomes read-only, and one whose server does not answer. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { CollectorHarness } from '../../support/collector-harness.ts';
import { skipWithoutPrograms } from '../../support/container-programs.ts';
import { LoopDevice } from '../../support/disks.ts';
import { eventually } from '../../support/eventually.ts';
import { FixtureProc } from '../../support/fixture-proc.ts';
import { HOST_PATHS, skipWithoutRoot } from '../../support/kernel.ts';
import { type PageFamily, samplesOf, sampleValue } from '../../support/prometheus-text.ts';

const FREEZER = '/sys/fs/cgroup/freezer';
const SIZE_BYTES = 8 << 20;
const INODES = 101;

/** A tmpfs at a directory of its own. */
class Tmpfs implements Disposable {
  readonly path: string = mkdtempSync(join(tmpdir(), 'huatuo mount '));

  constructor() {
    this.#mount(`size=${SIZE_BYTES},nr_inodes=${INODES}`);
  }

  makeReadOnly(): void {
    this.#mount('remount,ro');
  }

  #mount(options: string): void {
    execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'huatuo-test', this.path]);
  }

  [Symbol.dispose](): void {
    execFileSync('umount', [this.path]);
    rmdirSync(this.path);
  }
}

test('a mount of a known size, which becomes read-only', { skip: skipWithoutRoot() }, async () => {
  using mount = new Tmpfs();
  await using filesystem = await CollectorHarness.load('filesystem');
  await using perm = await CollectorHarness.load('mountpoint_perm', { options: { include: mount.path } });
  const labels = { device: 'huatuo-test', fstype: 'tmpfs', mountpoint: mount.path };
  writeFileSync(join(mount.path, 'file'), Buffer.alloc(1 << 20));
  const page = await filesystem.scrape();
  const of = (name: string): number => sampleValue(page, `huatuo_filesystem_${name}`, labels);
  assert.deepEqual(['size_bytes', 'free_bytes', 'avail_bytes', 'files', 'readonly', 'device_error'].map(of), [
    SIZE_BYTES,
    SIZE_BYTES - (1 << 20),
    SIZE_BYTES - (1 << 20),
    INODES,
    0,
    0,
  ]);
  const isReadOnly = async (): Promise<number[]> => [
    sampleValue(await filesystem.scrape(), 'huatuo_filesystem_readonly', labels),
    sampleValue(await perm.scrape(), 'huatuo_bamai_mountpoint_perm_ro', { mountpoint: mount.path }),
  ];
  assert.deepEqual(await isReadOnly(), [0, 0]);
  mount.makeReadOnly();
  assert.deepEqual(await isReadOnly(), [1, 1]);
});

/** An ext4 on a disk of its own, which its errors make read-only. */
class Ext4 implements Disposable {
  readonly path: string = mkdtempSync(join(tmpdir(), 'huatuo-ext4-'));
  readonly #disk = new LoopDevice(32 << 20);

  constructor() {
    execFileSync('mkfs.ext4', ['-q', this.#disk.path]);
    execFileSync('mount', ['-o', 'errors=remount-ro', this.#disk.path, this.path]);
  }

  /** As one that was found on the disk. */
  fail(): void {
    writeFileSync(`/sys/fs/ext4/${this.#disk.name}/trigger_fs_error`, '1');
  }

  [Symbol.dispose](): void {
    execFileSync('umount', [this.path]);
    this.#disk[Symbol.dispose]();
    rmdirSync(this.path);
  }
}

test('a file system that an error made read-only is told, though its mount is not', {
  skip: skipWithoutRoot() || skipWithoutPrograms('mkfs.ext4', 'losetup'),
}, async () => {
  using mount = new Ext4();
  await using filesystem = await CollectorHarness.load('filesystem');
  await using perm = await CollectorHarness.load('mountpoint_perm', { options: { include: mount.path } });
  const labels = { mountpoint: mount.path };
  const isReadOnly = async (): Promise<number[]> => [
    sampleValue(await filesystem.scrape(), 'huatuo_filesystem_readonly', labels),
    sampleValue(await perm.scrape(), 'huatuo_bamai_mountpoint_perm_ro', labels),
  ];
  assert.deepEqual(await isReadOnly(), [0, 0]);
  mount.fail();
  assert.throws(() => writeFileSync(join(mount.path, 'file'), ''), { code: 'EROFS' });
  assert.deepEqual(await isReadOnly(), [1, 1]);
});

/**
 * A stat(1) that cannot be killed while it runs, as one whose file system does not answer: it is in a frozen cgroup, and those
 * of v1 hold back SIGKILL, too.
 */
class HangingStat implements Disposable {
  readonly #path = process.env.PATH;
  readonly #cgroup = join(FREEZER, `huatuo-stat-${process.pid}`);
  readonly #directory = mkdtempSync(join(tmpdir(), 'huatuo-stat-'));

  constructor() {
    mkdirSync(this.#cgroup);
    writeFileSync(join(this.#cgroup, 'freezer.state'), 'FROZEN');
    const program = join(this.#directory, 'stat');
    writeFileSync(program, `#!/bin/sh\necho $$ > ${this.#cgroup}/cgroup.procs\nsleep 600\n`);
    chmodSync(program, 0o755);
    process.env.PATH = `${this.#directory}:${this.#path}`;
  }

  get processes(): string[] {
    return readFileSync(join(this.#cgroup, 'cgroup.procs'), 'utf8').split('\n').filter(Boolean);
  }

  /** Those who hang go on, and get their SIGKILL; who is asked from now on answers. */
  async end(): Promise<void> {
    process.env.PATH = this.#path;
    writeFileSync(join(this.#cgroup, 'freezer.state'), 'THAWED');
    await eventually('the processes to end', () => this.processes.length === 0);
  }

  [Symbol.dispose](): void {
    process.env.PATH = this.#path;
    writeFileSync(join(this.#cgroup, 'freezer.state'), 'THAWED');
    for (const pid of this.processes) process.kill(Number(pid), 'SIGKILL');
    for (let tries = 0; this.processes.length > 0 && tries < 1000; tries++) execFileSync('sleep', ['0.01']);
    rmdirSync(this.#cgroup);
    rmSync(this.#directory, { recursive: true });
  }
}

test('a file system that does not answer costs its own samples and one process, until it answers', {
  skip: skipWithoutRoot() || (existsSync(join(FREEZER, 'cgroup.procs')) ? false : 'no freezer of cgroup v1'),
}, async () => {
  using proc = new FixtureProc();
  const remote = tmpdir();
  proc.write(
    'self/mountinfo',
    `1 1 0:1 / / rw - ext4 /dev/sda1 rw\n2 1 0:2 / ${remote} rw - nfs4 server:/export rw\n`,
  );
  using stat = new HangingStat();
  const paths = { ...HOST_PATHS, procfs: proc.directory };
  await using filesystem = await CollectorHarness.load('filesystem', { paths });
  const errors = (page: ReadonlyMap<string, PageFamily>): unknown =>
    Object.fromEntries(
      samplesOf(page, 'huatuo_filesystem_device_error').map(({ labels, value }) => [
        labels.mountpoint,
        value,
      ]),
    );
  const failed = { '/': 0, [remote]: 1 };
  await eventually('a process to hang', async () => {
    assert.deepEqual(errors(await filesystem.scrape()), failed);
    return stat.processes.length === 1;
  });
  const [hanging] = stat.processes;
  for (let scrapes = 0; scrapes < 3; scrapes++) assert.deepEqual(errors(await filesystem.scrape()), failed);
  assert.deepEqual(stat.processes, [hanging], 'it is not asked again');
  await stat.end();
  assert.deepEqual(errors(await filesystem.scrape()), { '/': 0, [remote]: 0 });
});
