/** How often BPF programs ran, and for how long: the kernel's own count. */
import { readdirSync, readFileSync } from 'node:fs';
import koffi from 'koffi';
import { libbpf } from '../../src/kernel/libbpf.ts';
import { closeFd } from '../../src/kernel/libc.ts';
import type { AttachPoint, ObjectManifest } from '../../src/schema/manifest.ts';

export interface ProgramRuns {
  readonly id: number;
  /** Id of the types it was loaded with: programs of one object have the same. */
  readonly types: number;
  /** The first 15 bytes of its C name. */
  readonly name: string;
  readonly runs: number;
  readonly run_ns: number;
}

/** BPF_STATS_RUN_TIME of linux/bpf.h */
const STATS_RUN_TIME = 0;
/** `struct bpf_prog_info` up to `run_cnt`, Linux 5.1. */
const INFO_BYTES = 208;
const NAME = { offset: 64, bytes: 16 };
const TYPES_OFFSET = 128;
const RUN_TIME_NS_OFFSET = 192;
const RUN_COUNT_OFFSET = 200;

const library = koffi.load('libbpf.so.1');
const enableStats = library.func('int bpf_enable_stats(int type)');
const programFd = library.func('int bpf_prog_get_fd_by_id(uint32_t id)');

/** Has the kernel measure every run of every program until disposed of, or until this process ends. Linux >= 5.8. */
export function measureRuns(): Disposable {
  const fd = enableStats(STATS_RUN_TIME) as number;
  if (fd < 0) throw new Error('the kernel does not measure BPF programs; it takes root and Linux 5.8');
  return { [Symbol.dispose]: () => closeFd(fd) };
}

/** Programs a process holds, by id. */
export function programsOf(pid: number): Map<number, ProgramRuns> {
  const programs = new Map<number, ProgramRuns>();
  for (const fd of readdirSync(`/proc/${pid}/fdinfo`)) {
    const id = programId(`/proc/${pid}/fdinfo/${fd}`);
    const runs = id === undefined ? undefined : readRuns(id);
    if (id !== undefined && runs) programs.set(id, runs);
  }
  return programs;
}

/** What has come to each program of a process since an earlier reading. */
export function runsSince(before: ReadonlyMap<number, ProgramRuns>, pid: number): ProgramRuns[] {
  return [...programsOf(pid).values()].map(({ runs, run_ns, ...program }) => {
    const earlier = before.get(program.id);
    return { ...program, runs: runs - (earlier?.runs ?? 0), run_ns: run_ns - (earlier?.run_ns ?? 0) };
  });
}

/** The kernel's length of a name, without its end. */
const NAME_BYTES = NAME.bytes - 1;

/**
 * Which program of which object each of them is. Names repeat: over objects, and, cut off, within one; there they stand in the
 * order in which the object has them.
 */
export function byManifest(
  runs: readonly ProgramRuns[],
  manifests: readonly ObjectManifest[],
): { readonly collector: string; readonly point: AttachPoint; readonly runs: ProgramRuns }[] {
  const objects = Map.groupBy(runs, ({ types }) => types);
  return [...objects.values()].flatMap((programs) => {
    const object = manifests.find(({ attachPoints }) =>
      programs.every(({ name }) => attachPoints.some(({ program }) => program.slice(0, NAME_BYTES) === name)),
    );
    const left = [...programs].sort((a, b) => a.id - b.id);
    return (object?.attachPoints ?? []).flatMap((point) => {
      const at = left.findIndex(({ name }) => name === point.program.slice(0, NAME_BYTES));
      const [found] = at < 0 ? [] : left.splice(at, 1);
      return found ? [{ collector: object!.collector, point, runs: found }] : [];
    });
  });
}

function programId(path: string): number | undefined {
  try {
    const id = /^prog_id:\s+(\d+)/m.exec(readFileSync(path, 'utf8'))?.[1];
    return id === undefined ? undefined : Number(id);
  } catch {
    // It was closed between the two reads.
    return undefined;
  }
}

function readRuns(id: number): ProgramRuns | undefined {
  const fd = programFd(id) as number;
  if (fd < 0) return undefined;
  try {
    const info = Buffer.alloc(INFO_BYTES);
    if (libbpf().bpf_obj_get_info_by_fd(fd, info, Uint32Array.of(INFO_BYTES)) < 0) return undefined;
    const name = info.toString('latin1', NAME.offset, NAME.offset + NAME.bytes).split('\0')[0]!;
    const [run_ns, runs] = [RUN_TIME_NS_OFFSET, RUN_COUNT_OFFSET].map((at) =>
      Number(info.readBigUInt64LE(at)),
    ) as [number, number];
    return { id, types: info.readUInt32LE(TYPES_OFFSET), name, runs, run_ns };
  } finally {
    closeFd(fd);
  }
}
