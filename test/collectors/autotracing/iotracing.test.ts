import assert from 'node:assert/strict';
import { test } from 'node:test';
import iotracing from '../../../src/collectors/autotracing/iotracing.ts';
import {
  fileRow,
  type Names,
  processRows,
  requestRows,
  waitRows,
  waitsOfUsers,
} from '../../../src/collectors/autotracing/iotracing-users.ts';
import type { DiskActivity, DiskUsage } from '../../../src/sdk/disks.ts';
import { AutotracerRun, optionsOf } from '../../support/autotracer-run.ts';
import { FixtureProc } from '../../support/fixture-proc.ts';
import { container } from '../../support/harness-containers.ts';

const OPTIONS = optionsOf(iotracing);

interface Work {
  readonly reads?: number;
  readonly read_ms?: number;
  readonly read_bytes?: number;
  readonly writes?: number;
  readonly write_ms?: number;
  readonly write_bytes?: number;
  readonly busy_ms?: number;
  /** Now. */
  readonly in_progress?: number;
}

/** A host whose disks do in each second what they were told. */
class Host extends FixtureProc {
  readonly #work = new Map<string, Work>();
  readonly #done = new Map<string, number[]>();

  set(device: string, work: Work): void {
    this.#work.set(device, work);
  }

  async pass(run: AutotracerRun, seconds: number): Promise<void> {
    for (let second = 0; second < seconds; second++) {
      for (const [device, work] of this.#work) {
        const done = this.#done.get(device) ?? Array(11).fill(0);
        const { reads = 0, read_bytes = 0, read_ms = 0, writes = 0, write_bytes = 0, write_ms = 0 } = work;
        const more = [reads, 0, read_bytes / 512, read_ms, writes, 0, write_bytes / 512, write_ms, 0];
        const sums = [...more, work.busy_ms ?? 0, read_ms + write_ms];
        this.#done.set(
          device,
          done.map((sum, index) => sum + (sums[index] ?? 0)),
        );
      }
      const lines = [...this.#done].map(([device, sums], index) => {
        const columns = sums.with(8, this.#work.get(device)?.in_progress ?? 0);
        return `   8 ${16 * index} ${device} ${columns.join(' ')}\n`;
      });
      this.write('diskstats', lines.join(''));
      await run.clock.advance(1);
    }
  }

  async run(): Promise<AutotracerRun> {
    this.write('diskstats', '');
    return new AutotracerRun(iotracing, { procfs: this.directory, options: OPTIONS });
  }
}

function reasonOf(run: AutotracerRun): unknown {
  const [document] = run.saved;
  return (document?.data as { reason_snapshot?: unknown } | undefined)?.reason_snapshot;
}

test('pace and limits are those of existing installations', () => {
  const { every, window, util_percent, await: wait } = OPTIONS;
  assert.deepEqual(
    { every, window, util_percent, wait },
    { every: 5, window: 3, util_percent: 90, wait: 0.1 },
  );
});

test('disks that are quiet or well used, a few slow requests and a short burst give nothing', async () => {
  using host = new Host();
  await using run = await host.run();
  host.set('sda', { reads: 100, read_ms: 500, read_bytes: 1e6, busy_ms: 400 });
  // So few that an average says nothing.
  host.set('sdb', { reads: 0.2, read_ms: 100, busy_ms: 100 });
  // Many at once, and far from full.
  host.set('nvme0n1', { reads: 50_000, read_ms: 9000, read_bytes: 200e6, busy_ms: 1000 });
  await host.pass(run, 600);
  host.set('sda', { reads: 1000, read_ms: 900, busy_ms: 1000 });
  await host.pass(run, 5);
  host.set('sda', {});
  await host.pass(run, 30);
  assert.deepEqual([run.saved, run.counts, run.logged], [[], {}, []]);
});

for (const [what, device, work, type] of [
  ['a disk that is always busy', 'sda', { reads: 100, read_ms: 1000, busy_ms: 990 }, 'ioutil'],
  ['slow reads', 'sda', { reads: 5, read_ms: 600, busy_ms: 500 }, 'read_await'],
  ['slow writes', 'sda', { writes: 5, write_ms: 600, busy_ms: 500 }, 'write_await'],
  [
    'NVMe that reads all it can',
    'nvme0n1',
    { reads: 50_000, read_ms: 900, read_bytes: 3 * 2 ** 30, busy_ms: 990 },
    'read_bps',
  ],
  ['NVMe that is asked and does nothing', 'nvme0n1', { busy_ms: 1000 }, 'ioutil'],
] as const)
  test(`${what} has one document, which says why`, async () => {
    using host = new Host();
    await using run = await host.run();
    host.set('sdx', { reads: 10, read_ms: 10, busy_ms: 10 });
    host.set(device, {});
    await host.pass(run, 60);
    host.set(device, work);
    await host.pass(run, 60);
    assert.equal(run.saved.length, 1);
    const found = reasonOf(run) as { type: string; device: string; major_num: number; minor_num: number };
    assert.deepEqual([found.type, found.device, found.major_num, found.minor_num], [type, device, 8, 16]);
    // There is no kernel here: what triggered it is written.
    assert.deepEqual(run.counts.partial, 1);
  });

test('the document has the containers and units that used the disk before it was noticed, most first', async () => {
  using host = new Host();
  await using run = await host.run();
  const uses = { web: 0, backup: 0 };
  const charge = (web: number, backup: number): { readonly blkio: string; readonly unified: string } => {
    uses.web += web;
    uses.backup += backup;
    return {
      blkio: host.write(
        'web/blkio.throttle.io_service_bytes',
        `8:0 Read ${uses.web}\n8:0 Write 4096\n8:16 Read 1000000\n`,
      ),
      unified: host.write('backup/io.stat', `8:0 rbytes=${uses.backup} wbytes=4096 rios=9 wios=1\n`),
    };
  };
  const { blkio, unified } = charge(0, 0);
  run.containers = [container('w'.repeat(64), { blkio })];
  run.units = [{ id: 'backup.service', cgroups: { unified }, cgroupIds: [] }];
  host.set('sda', { reads: 100, read_ms: 1000, busy_ms: 990, in_progress: 3 });
  for (let second = 0; second < 30; second++) {
    charge(1000, 9000);
    await host.pass(run, 1);
  }
  const [document] = run.saved;
  assert.ok(document);
  const { users_before, users_before_seconds } = document.data as {
    users_before?: unknown;
    users_before_seconds?: unknown;
  };
  assert.deepEqual(users_before, [
    { systemd_unit: 'backup.service', disk_read_bps: 9000, disk_write_bps: 0 },
    { container_id: 'w'.repeat(64), disk_read_bps: 1000, disk_write_bps: 0 },
  ]);
  assert.equal(users_before_seconds, 10);
});

test('while no disk is asked for anything, no container is looked at', async () => {
  using host = new Host();
  await using run = await host.run();
  run.containers = [
    container('w'.repeat(64), { blkio: host.write('web/blkio.throttle.io_service_bytes', '') }),
  ];
  host.set('sda', { reads: 100, read_ms: 1000, busy_ms: 990 });
  await host.pass(run, 60);
  assert.equal(run.saved.length, 1);
  assert.ok(!('users_before' in (run.saved[0]?.data ?? {})));
});

test('a disk that takes the place of another is not compared with it', async () => {
  using host = new Host();
  await using run = await host.run();
  host.set('sda', { reads: 1000, read_ms: 100, busy_ms: 100 });
  await host.pass(run, 30);
  host.write('diskstats', '   8 0 sda 1 0 8 1 0 0 0 0 0 1 1\n');
  await run.clock.advance(5);
  assert.deepEqual(run.saved, []);
});

const USAGE: DiskUsage = {
  ...{ pid: 7, comm: 'writer', isKernel: false, isDirect: false, cgroupId: 5n },
  file: { inode: 12n, device: (7 << 20) | 3, path: '/data/log' },
  ...{ read_bytes: 0, write_bytes: 0, dirtied_bytes: 8192, requests: 0 },
  ...{ q2c_ns: 0, q2c_max_ns: 0, issued: 0, d2c_ns: 0, d2c_max_ns: 0 },
};
const OWNER = container('c'.repeat(64), {});
const NAMES: Names = {
  mountinfo: '40 1 7:3 /sub /bound rw - ext4 /dev/loop3 rw\n41 1 7:3 / /mnt rw - ext4 /dev/loop3 rw\n',
  deviceName: (device) => `loop${device & 0xfffff}`,
  ownerOf: (cgroup) => (cgroup === 5n ? { type: 'container', container: OWNER } : undefined),
};

test('who made pages dirty, and who wrote them back, are told apart, each with the file', () => {
  const flush: DiskUsage = {
    ...USAGE,
    ...{ pid: 99, comm: 'kworker/u8:1', isKernel: true, dirtied_bytes: 0, write_bytes: 8192 },
    ...{
      requests: 2,
      q2c_ns: 4_000_000,
      q2c_max_ns: 3_000_000,
      issued: 2,
      d2c_ns: 2_000_000,
      d2c_max_ns: 1_500_000,
    },
  };
  const activity: DiskActivity = { seconds: 2, usages: [USAGE, flush], inFlight: [], lost: 0 };
  const file = { major: 7, minor: 3, dev_name: 'loop3', inode: 12n, path: '/mnt/data/log' };
  const common = { container_id: OWNER.id, is_direct: false };
  assert.deepEqual(processRows(activity, NAMES, { top: 10, top_files: 5 }), [
    {
      ...{ pid: 7, comm: 'writer', is_kernel: false },
      ...{ container_id: OWNER.id, container_hostname: OWNER.hostname },
      ...{ total_fs_write_bps: 4096, total_disk_read_bps: 0, total_disk_write_bps: 0, total_file_count: 1 },
      total_files: [{ ...file, ...common, fs_write_bps: 4096, disk_read_bps: 0, disk_write_bps: 0 }],
    },
    {
      ...{ pid: 99, comm: 'kworker/u8:1', is_kernel: true },
      ...{ total_fs_write_bps: 0, total_disk_read_bps: 0, total_disk_write_bps: 4096, total_file_count: 1 },
      total_files: [
        {
          ...{ ...file, ...common, fs_write_bps: 0, disk_read_bps: 0, disk_write_bps: 4096 },
          ...{ q2c_us: 2000, max_q2c_us: 3000, d2c_us: 1000, max_d2c_us: 1500 },
        },
      ],
    },
  ]);
});

test('lists are as long as asked for, and say how much there was', () => {
  const usages = Array.from({ length: 50 }, (_, index) => ({
    ...USAGE,
    pid: index % 5,
    read_bytes: index,
    file: { inode: BigInt(index), device: 1 },
  }));
  const rows = processRows({ seconds: 1, usages, inFlight: [], lost: 0 }, NAMES, { top: 3, top_files: 2 });
  assert.deepEqual(
    rows.map(({ pid, total_file_count, total_files }) => [pid, total_file_count, total_files.length]),
    [
      [4, 10, 2],
      [3, 10, 2],
      [2, 10, 2],
    ],
  );
});

test('a file of a file system that is mounted nowhere here has its path in it, and one that is not known has none', () => {
  assert.deepEqual(fileRow({ inode: 1n, device: (8 << 20) | 1, path: '/x' }, NAMES), {
    ...{ major: 8, minor: 1, dev_name: 'loop1', inode: 1n, path: '/x' },
  });
  assert.deepEqual(fileRow(undefined, NAMES), {});
  assert.equal(fileRow({ ...USAGE.file!, path: '…/deep' }, NAMES).path, '…/deep');
});

test('waits are those of the processes that use the disk, and requests that are stuck are shown', () => {
  const inFlight = [
    { ...USAGE, operation: 'write' as const, bytes: 4096, age_ns: 5_000_000, isIssued: true },
  ];
  const activity: DiskActivity = { seconds: 1, usages: [], inFlight, lost: 0 };
  const frames = ['main', 'io_schedule'].map((name) => {
    return { name, module: '', mode: 'kernel' as const, isUnknown: false };
  });
  const stack = { pid: 7, comm: 'writer', state: 'io_wait' as const, frames, samples: 2, value: 6_000_000 };
  const profile = {
    ...{ kind: 'block' as const, unit: 'nanoseconds' as const, seconds: 1, started_unix_ns: 0n },
    stacks: [stack, { ...stack, pid: 8 }],
    ...{ samples: 4, lost: 0, idle: 0, unknown_samples: 0, frames: 8, unknown_frames: 0 },
  };
  const waits = waitsOfUsers(profile, activity);
  assert.deepEqual([waits.samples, waits.frames], [2, 4]);
  assert.deepEqual(waitRows(waits, 10), [
    {
      ...{ pid: 7, comm: 'writer', waits: 2, total_latency_us: 6000, schedule_latency_us: 3000 },
      stack: ['io_schedule', 'main'],
    },
  ]);
  const [request] = requestRows(activity, NAMES, 10);
  assert.deepEqual(
    [request?.operation, request?.age_us, request?.is_issued, request?.path, request?.container_id],
    ['write', 5000, true, '/mnt/data/log', OWNER.id],
  );
});

test('what no container pays for is told with the systemd unit that does', () => {
  const ofUnit: Names = {
    ...NAMES,
    ownerOf: () => ({ type: 'unit', name: 'backup.service', cgroupPath: '/system.slice/backup.service' }),
  };
  const [row] = processRows({ seconds: 2, usages: [USAGE], inFlight: [], lost: 0 }, ofUnit, {
    top: 1,
    top_files: 1,
  });
  assert.deepEqual(
    [row?.systemd_unit, row?.container_id, row?.container_hostname],
    ['backup.service', undefined, undefined],
  );
  assert.deepEqual(
    row?.total_files.map(({ systemd_unit }) => systemd_unit),
    ['backup.service'],
  );
});
