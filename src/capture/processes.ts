/** Processes of the host and of containers, now and at an earlier time; reads are bounded. */
import {
  type ProcessList,
  type ProcessMemory,
  readCgroupProcesses,
  readHostProcesses,
} from '../procfs/processes.ts';
import { TICKS_PER_SECOND } from '../procfs/stat.ts';
import type { Processes, ProcessUse, Subject } from '../sdk/autotracing.ts';

/** Reading one takes 12 µs: this many do not hold a thread up for longer than it may be. */
const MAX_PROCESSES = 4096;

/** Memory of all processes at one time. Plain data. */
export interface Baseline {
  readonly boottime_ns: bigint;
  /** For each process its id, its start in ticks and its bytes, so that thousands take little room. */
  readonly processes: Float64Array;
  readonly truncated: boolean;
}

const WIDTH = 3;

/** @throws SOURCE_UNREADABLE */
export function takeBaseline(procfs: string, boottime_ns: bigint, limit = MAX_PROCESSES): Baseline {
  const { processes, truncated } = readHostProcesses(procfs, limit);
  const numbers = processes.flatMap(({ pid, started_ticks, rss_bytes }) => [pid, started_ticks, rss_bytes]);
  return { boottime_ns, processes: Float64Array.from(numbers), truncated };
}

/** What one capture looks at. */
export class CaptureProcesses implements Processes {
  readonly #procfs: string;
  readonly #baseline: Baseline | undefined;
  readonly #limit: number;
  #isIncomplete = false;

  constructor(procfs: string, baseline: Baseline | undefined, limit = MAX_PROCESSES) {
    this.#procfs = procfs;
    this.#baseline = baseline;
    this.#limit = limit;
  }

  /** Something that was asked for could not be told in full. */
  get isIncomplete(): boolean {
    return this.#isIncomplete;
  }

  top(subject: Subject, by: 'rss' | 'growth', most: number): ProcessUse[] {
    const { processes, truncated } = this.#list(subject);
    if (truncated || processes.length === 0) this.#isIncomplete = true;
    const before = before_bytes(this.#baseline);
    const uses = processes.map(
      (one): ProcessUse => ({
        pid: one.pid,
        comm: one.comm,
        rss_bytes: one.rss_bytes,
        growth_bytes: this.#growth(one, before),
      }),
    );
    const rank = (use: ProcessUse): number =>
      by === 'rss' ? use.rss_bytes : (use.growth_bytes ?? Number.NEGATIVE_INFINITY);
    return uses.toSorted((a, b) => rank(b) - rank(a)).slice(0, most);
  }

  #list(subject: Subject): ProcessList {
    if (typeof subject === 'string') return readHostProcesses(this.#procfs, this.#limit);
    const { memory, unified, cpu } = subject.cgroups;
    const cgroup = memory ?? unified ?? cpu;
    if (cgroup === undefined) return { processes: [], truncated: false };
    return readCgroupProcesses(this.#procfs, cgroup, this.#limit);
  }

  #growth(
    { pid, started_ticks, rss_bytes }: ProcessMemory,
    before: ReadonlyMap<string, number>,
  ): number | undefined {
    if (!this.#baseline) return undefined;
    const then = before.get(`${pid} ${started_ticks}`);
    if (then !== undefined) return rss_bytes - then;
    const wasStartedSince = started_ticks / TICKS_PER_SECOND > Number(this.#baseline.boottime_ns) / 1e9;
    return wasStartedSince ? rss_bytes : undefined;
  }
}

/** By id and start: an id is given again. */
function before_bytes(baseline: Baseline | undefined): Map<string, number> {
  const known = new Map<string, number>();
  const { processes = new Float64Array() } = baseline ?? {};
  for (let at = 0; at + WIDTH <= processes.length; at += WIDTH)
    known.set(`${processes[at]} ${processes[at + 1]}`, processes[at + 2] ?? 0);
  return known;
}
