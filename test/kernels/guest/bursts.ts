/**
 * What autotracers exist for, by autotracer. Bursts come again and again, with pauses in which a window of quiet samples fills, so that it
 * does not matter when the agent begins to look.
 */
import { writeFileSync } from 'node:fs';
import type { JournalDocument } from '../../support/journal-reader.ts';
import type { Hierarchy } from '../boots.ts';
import { isBefore, run } from './commands.ts';

export const MIB = 2 ** 20;
const CORES = 0.3;
const GROWTH_BYTES = 80 * MIB;
const WRITERS = 4;
export const FROZEN = '/mnt/frozen';
const WRITTEN = '/var/tmp/written';

/** Of a container with these limits, or of the host. */
export interface Burst {
  readonly limits?: { readonly memory_bytes: number; readonly cores?: number };
  /** Runs until it is ended. */
  readonly work: string;
  /** Once the work has begun. */
  readonly begun?: () => Promise<void>;
  /** Before the work is ended. */
  readonly over?: () => Promise<unknown>;
  /** @returns what was compared. @throws Error for what is wrong */
  check(found: JournalDocument, hierarchy: Hierarchy): string;
}

/** In the order in which they are provoked, some at a time. */
export const BURSTS: Readonly<Record<string, Burst>> = {
  cpuidle: {
    limits: { memory_bytes: 64 * MIB, cores: CORES },
    work: bursts('while :; do :; done'),
    check({ data }) {
      expect(data.cores === CORES, `cores ${data.cores}`);
      expect((data.total_percent as number) > 40, `total_percent ${data.total_percent}`);
      return `a container that uses all of its quota: the quota${profileOf(data, 'sh')}`;
    },
  },
  memburst: {
    limits: { memory_bytes: 256 * MIB },
    work: `while :; do (head -c ${GROWTH_BYTES} /dev/zero; sleep 30) | tail > /dev/null; sleep 20; done`,
    check({ data }) {
      const [top] = data.top_memory_usage as readonly {
        readonly ProcessName: string;
        readonly MemSize: number;
      }[];
      expect(
        data.grew === 'anon' && data.limit_bytes === 256 * MIB,
        `${data.grew}, limit ${data.limit_bytes}`,
      );
      expect(top?.ProcessName === 'tail' && top.MemSize > 32 * MIB, JSON.stringify(top));
      return 'a container whose memory grows: kind, limit, process and its size';
    },
  },
  dload: {
    limits: { memory_bytes: 64 * MIB },
    work: `for i in $(seq ${WRITERS}); do (exec 3> ${FROZEN}/$i; while ! [ -e /run/frozen ]; do sleep 1; done; exec dd if=/dev/zero bs=4k count=1 >&3) & done; wait`,
    begun: freezes,
    over: () => run('fsfreeze', '--unfreeze', FROZEN),
    check({ data }) {
      const tasks = data.tasks as readonly Readonly<Record<string, unknown>>[];
      expect(tasks.length === WRITERS, `${tasks.length} tasks`);
      // To read it may take a lock, of which the stacks tell.
      if (isBefore(5, 11))
        return 'tasks that write to a frozen file system: how many; without files and stacks';
      for (const { comm, path, mount_point, device, syscall } of tasks)
        expect(
          comm === 'dd' &&
            /^\/mnt\/frozen\/\d$/.test(`${path}`) &&
            mount_point === FROZEN &&
            device === '/dev/vdb',
          JSON.stringify({ comm, path, mount_point, device, syscall }),
        );
      return 'tasks that write to a frozen file system: how many, file, disk and mount';
    },
  },
  cpusys: {
    work: bursts('for i in 1 2; do dd if=/dev/zero of=/dev/null bs=512 & done; wait'),
    check({ data }) {
      return `processes that keep the kernel busy: system time${profileOf(data, 'dd')}`;
    },
  },
  waitrate: {
    limits: { memory_bytes: 64 * MIB },
    work: bursts('for i in 1 2 3; do (while :; do :; done) & done; wait'),
    check({ data }) {
      return `a container with more to run than CPUs, by its ${data.source}${profileOf(data, 'sh')}`;
    },
  },
  iotracing: {
    limits: { memory_bytes: 64 * MIB },
    work: `while :; do dd if=/dev/zero of=${WRITTEN} bs=64k count=200 oflag=dsync conv=notrunc 2> /dev/null; done`,
    check({ data, text }, hierarchy) {
      const { device } = data.reason_snapshot as { readonly device: string };
      expect(device === 'vda', `device ${device}`);
      const users = data.process_file_io_stats as readonly {
        readonly comm: string;
        readonly container_id?: string;
        readonly total_files: readonly { readonly path?: string }[];
      }[];
      const user = users.find(({ comm }) => comm === 'dd');
      expect(user?.total_files.some(({ path }) => path === WRITTEN) ?? false, text.slice(0, 1500));
      expect(hierarchy !== 'unified' || user?.container_id !== undefined, `container ${user?.container_id}`);
      return 'a container that keeps a disk busy: disk, process and file';
    },
  },
};

async function freezes(): Promise<void> {
  const opened = `while [ $(ls ${FROZEN} | grep -c '^[0-9]') -lt ${WRITERS} ]; do sleep 1; done`;
  await run('sh', '-c', `${opened}; fsfreeze --freeze ${FROZEN}`);
  writeFileSync('/run/frozen', '');
}

/** Long enough for a capture that an emulated agent is late to begin, with pauses as long as the samples' windows. */
function bursts(command: string): string {
  return `while :; do timeout 60 sh -c '${command}'; sleep 40; done`;
}

/** @returns what of it was looked at */
function profileOf(data: JournalDocument['data'], comm: string): string {
  const runners = data.runners as readonly { readonly comm: string }[] | undefined;
  const flamedata = data.flamedata as readonly { readonly label: string }[] | undefined;
  if (!flamedata && isBefore(5, 11)) return '; without a profile';
  if (runners)
    expect(
      runners.some((one) => one.comm === comm),
      `runners ${runners.map((one) => one.comm)}`,
    );
  expect(flamedata?.some(({ label }) => label === comm) ?? false, 'no such process in the profile');
  return runners ? ', who ran, and a profile of it' : ', and a profile of it';
}

function expect(isSo: boolean, found: string): void {
  if (!isSo) throw new Error(`found ${found}`);
}
