/** Collectors of mounts over a mountinfo that the test makes up; what is mounted there is this host's. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { localSize } from '../../../src/procfs/statfs.ts';
import { CollectorHarness } from '../../support/collector-harness.ts';
import { FixtureProc } from '../../support/fixture-proc.ts';
import { HOST_PATHS } from '../../support/kernel.ts';
import { type PageFamily, samplesOf, sampleValue } from '../../support/prometheus-text.ts';
import { promlint } from '../../support/promlint.ts';

type Page = ReadonlyMap<string, PageFamily>;

const ERROR = 'huatuo_filesystem_device_error';
const points = (page: Page, name: string): unknown =>
  Object.fromEntries(samplesOf(page, name).map(({ labels, value }) => [labels.mountpoint, value]));

function host(...mounts: readonly string[]): FixtureProc {
  const proc = new FixtureProc();
  proc.write('self/mountinfo', mounts.map((mount, index) => `${index} 1 8:${index} / ${mount}\n`).join(''));
  return proc;
}

test('a file system that is asked in place, one that is asked elsewhere, and one that is not there', async () => {
  using files = new FixtureProc();
  const directory = files.directory;
  const gone = join(directory, 'gone');
  using proc = host(
    '/ rw - ext4 /dev/sda1 rw',
    `${directory} rw - nfs4 server:/export ro`,
    `${gone} rw - ext4 /dev/sdb rw`,
    '/proc rw - proc proc rw',
    '/sys/fs/cgroup rw - cgroup2 cgroup2 rw',
    '/var/lib/docker/overlay2/x/merged rw - overlay overlay rw',
  );
  await using filesystem = await CollectorHarness.load('filesystem', {
    paths: { ...HOST_PATHS, procfs: proc.directory },
  });
  assert.deepEqual(promlint(await filesystem.page()), []);
  const page = await filesystem.scrape();
  assert.deepEqual(points(page, ERROR), { '/': 0, [directory]: 0, [gone]: 1 });
  assert.deepEqual(points(page, 'huatuo_filesystem_readonly'), { '/': 0, [directory]: 1, [gone]: 0 });
  assert.equal(
    sampleValue(page, 'huatuo_filesystem_size_bytes', {
      device: '/dev/sda1',
      fstype: 'ext4',
      mountpoint: '/',
    }),
    localSize('/').size_bytes,
  );
  assert.equal(
    sampleValue(page, 'huatuo_filesystem_files', { device: 'server:/export', mountpoint: directory }),
    localSize(directory).files,
  );
  assert.deepEqual(samplesOf(page, 'huatuo_filesystem_avail_bytes', { mountpoint: gone }), []);
});

test('of more than 64 that have to be asked elsewhere, nothing is said of the others but that they are there', async () => {
  using files = new FixtureProc();
  const names = Array.from({ length: 66 }, (_, index) => files.write(`${index}/x`, ''));
  using proc = host(...names.map((name) => `${name} rw - nfs4 server:/export rw`));
  await using filesystem = await CollectorHarness.load('filesystem', {
    paths: { ...HOST_PATHS, procfs: proc.directory },
  });
  const page = await filesystem.scrape();
  assert.equal(samplesOf(page, ERROR).length, 64);
  assert.equal(samplesOf(page, 'huatuo_filesystem_readonly').length, 66);
  assert.equal(sampleValue(page, 'huatuo_filesystem_not_asked'), 2);
  assert.equal(filesystem.logged.filter((line) => /more file systems/.test(line)).length, 1);
});

test('options say which mount points and types are shown', async () => {
  using proc = host('/ rw - ext4 /dev/sda1 rw', '/tmp rw - tmpfs none rw', '/proc rw - proc proc rw');
  await using filesystem = await CollectorHarness.load('filesystem', {
    paths: { ...HOST_PATHS, procfs: proc.directory },
    options: { exclude: '/tmp', types_exclude: '', types_include: 'ext4|tmpfs|proc' },
  });
  assert.deepEqual(points(await filesystem.scrape(), ERROR), { '/': 0, '/proc': 0 });
});

test('mountpoint_perm: those that a host needs, also when an error made what is mounted read-only', async () => {
  using proc = host(
    '/ rw - ext4 /dev/sda1 rw,emergency_ro',
    '/boot ro - ext4 /dev/sda2 ro',
    '/home rw - xfs /dev/sda3 rw',
    '/homes ro - xfs /dev/sda4 ro',
  );
  const paths = { ...HOST_PATHS, procfs: proc.directory };
  await using perm = await CollectorHarness.load('mountpoint_perm', { paths });
  assert.deepEqual(promlint(await perm.page()), []);
  const name = 'huatuo_bamai_mountpoint_perm_ro';
  assert.deepEqual(points(await perm.scrape(), name), { '/': 1, '/boot': 1, '/home': 0 });
  await using others = await CollectorHarness.load('mountpoint_perm', {
    paths,
    options: { include: '/home.*' },
  });
  assert.deepEqual(points(await others.scrape(), name), { '/home': 0, '/homes': 1 });
});
