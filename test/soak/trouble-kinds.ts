/** Real troubles of a host, each with programs of the tests in it. */
import { writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { TestCgroup } from '../support/cgroup.ts';
import { CpuContainer, CpuUnit } from '../support/cpu-container.ts';
import { FrozenDisk } from '../support/frozen-disk.ts';
import type { JournalDocument } from '../support/journal-reader.ts';
import { RunningProgram } from '../support/running-program.ts';
import { ThrottledDisk } from '../support/throttled-disk.ts';
import { type Builds, type CgroupContainer, compiled, dressed, goOn, stopped } from './trouble-parts.ts';

const MIB = 2 ** 20;

/** Made, and not begun. */
export interface Trouble {
  readonly name: string;
  readonly tracer: string;
  /** Of the programs, where it spends what the trouble is about. */
  readonly hottest: string;
  /** Whether a document of the tracer has the subject that this trouble is of. */
  isOf(document: JournalDocument): boolean;
  /** @param undo ends it */
  begin(undo: AsyncDisposableStack): Promise<void>;
  /** Whether the document names the culprit. */
  names(data: JournalDocument['data']): boolean;
}

type Rows = readonly Readonly<Record<string, unknown>>[];

/** @param undo takes them away again, once they have ended */
export async function makeTroubles(undo: AsyncDisposableStack): Promise<readonly Trouble[]> {
  const builds = (program: string): Builds => compiled(program, undo);
  const [profiled, busyLoop] = [builds('profiled'), builds('busy_loop')];
  return [
    burner(undo.use(new CpuContainer('1')), profiled),
    asker(undo.use(TestCgroup.make('cpu', `/huatuo-askers-${process.pid}`)), profiled),
    slowDisk(dressed('blkio', '2', undo), undo.use(ThrottledDisk.make()), builds('disk_user')),
    frozenDisk(dressed('cpu', '3', undo), undo.use(await FrozenDisk.make()), builds('stdout_writer')),
    await fight(undo.use(new CpuContainer('4')), undo.use(new CpuUnit('greedy')), [profiled, busyLoop], undo),
    await throttled(undo.use(new CpuContainer('5')), profiled, undo),
    await taker(dressed('memory', '6', undo), builds('growing'), undo),
  ];
}

function burner(container: CpuContainer, { framed, lean }: Builds): Trouble {
  // So little that two burners use it up, whatever else the host runs.
  container.limit(0.5);
  return {
    ...{ name: 'a CPU burner in a container', tracer: 'cpuidle', hottest: 'hot_function' },
    isOf: isOfContainer(container.id),
    async begin(undo) {
      for (const path of [framed, lean])
        container.add(undo.use(await RunningProgram.start(path, 'burn')).pid);
    },
    names: (data) => Number(data.user_percent) > 75,
  };
}

function asker(cgroup: TestCgroup, { framed, lean }: Builds): Trouble {
  // So that they are most of what the CPUs do, whatever else there is.
  cgroup.favour(8);
  return {
    ...{ name: 'a syscall burner on the host', tracer: 'cpusys', hottest: 'asking_function' },
    isOf: () => true,
    async begin(undo) {
      for (let count = 0; count < 2 * availableParallelism(); count++)
        cgroup.add(undo.use(await RunningProgram.start(count % 2 ? lean : framed, 'ask')).pid);
    },
    names: ({ runners }) =>
      (runners as Rows).slice(0, 2).some(({ comm }) => comm === 'framed' || comm === 'lean'),
  };
}

function slowDisk({ id, cgroup }: CgroupContainer, disk: ThrottledDisk, { framed, lean }: Builds): Trouble {
  const files = { read: join(disk.directory, 'is read'), write: join(disk.directory, 'is written') };
  writeFileSync(files.read, Buffer.alloc(MIB, 1), { flush: true });
  const pids: number[] = [];
  return {
    ...{
      name: 'a throttled disk with readers and a writer',
      tracer: 'iotracing',
      hottest: 'reading_function',
    },
    isOf: ({ data }) => (data.reason_snapshot as { readonly device?: unknown }).device === disk.name,
    async begin(undo) {
      disk.throttle(cgroup, 10 * 65536);
      for (const [path, what] of [
        [framed, 'write'],
        ...[framed, lean, framed, lean].map((reader) => [reader, 'read'] as const),
      ] as const) {
        const { pid } = undo.use(await RunningProgram.start(path, what, files[what]));
        cgroup.add(pid);
        pids.push(pid);
      }
    },
    names({ process_file_io_stats }) {
      const users = (process_file_io_stats as Rows).filter(({ container_id }) => container_id === id);
      return pids.every((pid) => users.some((user) => user.pid === pid));
    },
  };
}

function frozenDisk({ id, cgroup }: CgroupContainer, disk: FrozenDisk, { framed, lean }: Builds): Trouble {
  const pids: number[] = [];
  return {
    ...{
      name: 'a frozen file system with writers in a container',
      tracer: 'dload',
      hottest: 'writing_function',
    },
    isOf: isOfContainer(id),
    async begin(undo) {
      undo.defer(() => disk.thaw());
      for (const path of [framed, lean, framed, lean, framed, lean, framed, lean])
        pids.push(await disk.program(path, (pid) => cgroup.add(pid)));
    },
    names: ({ tasks }) =>
      pids.every((pid) => (tasks as Rows).some((task) => task.pid === pid && task.container_id === id)),
  };
}

async function fight(
  waiting: CpuContainer,
  greedy: CpuUnit,
  [victims, neighbours]: readonly [Builds, Builds],
  undo: AsyncDisposableStack,
): Promise<Trouble> {
  greedy.favour(20);
  const onOneCpu = (path: string, what: string): Promise<number> =>
    stopped(undo, 'taskset', '-c', '0', path, what);
  const victim = await onOneCpu(victims.framed, 'burn');
  waiting.add(victim);
  const taking = [await onOneCpu(neighbours.framed, ''), await onOneCpu(neighbours.lean, '')];
  for (const pid of taking) greedy.add(pid);
  return {
    ...{
      name: 'a container and a unit that fight for one CPU',
      tracer: 'waitrate',
      hottest: 'hottest_function',
    },
    isOf: isOfContainer(waiting.id),
    begin: async (running) => goOn([victim, ...taking], running),
    names: ({ runners, quota_is_cause }) =>
      quota_is_cause === false && (runners as Rows).slice(0, 2).some((one) => one.systemd_unit === greedy.id),
  };
}

async function throttled(
  container: CpuContainer,
  { framed, lean }: Builds,
  undo: AsyncDisposableStack,
): Promise<Trouble> {
  container.limit(0.1);
  const pids = [await stopped(undo, framed, 'burn'), await stopped(undo, lean, 'burn')];
  for (const pid of pids) container.add(pid);
  return {
    ...{ name: 'a container that its quota holds up', tracer: 'waitrate', hottest: 'hot_function' },
    isOf: isOfContainer(container.id),
    begin: async (running) => goOn(pids, running),
    names: ({ quota_is_cause, throttled_periods }) =>
      quota_is_cause === true && Number(throttled_periods) > 0,
  };
}

async function taker(
  { id, cgroup }: CgroupContainer,
  { framed, lean }: Builds,
  undo: AsyncDisposableStack,
): Promise<Trouble> {
  cgroup.limitMemory(768 * MIB);
  const pids: number[] = [];
  // 672 MiB together.
  for (const path of [framed, lean]) pids.push(undo.use(await RunningProgram.start(path, '84')).pid);
  for (const pid of pids) cgroup.add(pid);
  return {
    ...{
      name: 'a process that takes memory in a container',
      tracer: 'memburst',
      hottest: 'growing_function',
    },
    isOf: isOfContainer(id),
    begin: async (running) => goOn(pids, running),
    names: ({ grew, top_memory_usage }) =>
      grew === 'anon' && pids.every((pid) => (top_memory_usage as Rows).some(({ PID }) => PID === pid)),
  };
}

function isOfContainer(id: string): Trouble['isOf'] {
  return ({ fields }) => fields.container_id === id;
}
