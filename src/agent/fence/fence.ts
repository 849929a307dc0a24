/** The fence around one collector's thread: CPUs, nice and quota, as far as this host lets them be had. */
import type { CpuFence as CpuFenceConfig } from '../../config/effective.ts';
import { HuatuoError } from '../../error.ts';
import { setAffinity, setNice } from '../../kernel/sched.ts';
import type { Log } from '../../sdk/context.ts';
import type { CpuCgroups } from './cgroup.ts';

export type FencePart =
  | { readonly state: 'not_asked' }
  /** `value`: the CPUs, the nice value, the path of the cgroup. */
  | { readonly state: 'applied'; readonly value: string }
  | { readonly state: 'failed'; readonly error: HuatuoError };

/** What of the fence stands. */
export interface FenceReport {
  readonly affinity: FencePart;
  readonly nice: FencePart;
  readonly quota: FencePart;
}

const NOT_ASKED: FencePart = { state: 'not_asked' };

export class CpuFence implements Disposable {
  readonly #name: string;
  readonly #config: CpuFenceConfig;
  readonly #cgroups: CpuCgroups;
  readonly #log: Log;
  readonly #told = new Set<keyof FenceReport>();

  constructor(name: string, config: CpuFenceConfig, cgroups: CpuCgroups, log: Log) {
    this.#name = name;
    this.#config = config;
    this.#cgroups = cgroups;
    this.#log = log;
  }

  /**
   * Fences a thread in; for each new one of the collector. Never throws: a collector without fence is better than none.
   * What fails is in the report, and in the log the first time. Threads the fenced one makes later inherit it all.
   * @param tid as in /proc/<pid>/task
   */
  apply(tid: number): FenceReport {
    const { affinity, nice, quota_cores } = this.#config;
    const fenceAffinity = (): string => {
      setAffinity(tid, affinity);
      return affinity.join(',');
    };
    const fenceNice = (): string => {
      setNice(tid, nice);
      return String(nice);
    };
    return {
      affinity: affinity.length > 0 ? this.#try('affinity', fenceAffinity) : NOT_ASKED,
      nice: nice !== 0 ? this.#try('nice', fenceNice) : NOT_ASKED,
      quota:
        quota_cores === undefined
          ? NOT_ASKED
          : this.#try('quota', () => this.#cgroups.limit(this.#name, quota_cores, tid)),
    };
  }

  /** Takes the quota's cgroup away. Affinity and nice go with the thread. */
  [Symbol.dispose](): void {
    this.#cgroups.remove(this.#name);
  }

  #try(part: keyof FenceReport, action: () => string): FencePart {
    try {
      return { state: 'applied', value: action() };
    } catch (thrown) {
      const error = HuatuoError.from(thrown, 'SYSCALL_FAILED', 'see the cause');
      if (!this.#told.has(part)) {
        this.#told.add(part);
        this.#log.warn(`${this.#name} runs without the CPU ${part} it was given`, { error });
      }
      return { state: 'failed', error };
    }
  }
}
