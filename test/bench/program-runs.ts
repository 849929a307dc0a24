/** How often BPF programs ran, and for how long: the kernel's own count. */
import { readdirSync, readFileSync } from 'node:fs';
import koffi from 'koffi';
import { libbpf } from '../../src/kernel/libbpf.ts';
import { closeFd } from '../../src/kernel/libc.ts';

export interface ProgramRuns {
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
  return [...programsOf(pid)].map(([id, { name, runs, run_ns }]) => {
    const earlier = before.get(id);
    return { name, runs: runs - (earlier?.runs ?? 0), run_ns: run_ns - (earlier?.run_ns ?? 0) };
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
    return { name, runs, run_ns };
  } finally {
    closeFd(fd);
  }
}
