/** The fence around one collector's thread: CPUs, nice and quota, as far as this host lets them be had. */
import { type FencePartName, type FenceStatus, statusError } from '../../actor/state.ts';
import type { CpuFence as CpuFenceConfig } from '../../config/effective.ts';
import { HuatuoError } from '../../error.ts';
import { setAffinity, setNice } from '../../kernel/sched.ts';
import type { Log } from '../../sdk/context.ts';
import type { CpuCgroups } from './cgroup.ts';

export class CpuFence implements Disposable {
  readonly #name: string;
  readonly #config: CpuFenceConfig;
  readonly #cgroups: CpuCgroups;
  readonly #log: Log;
  readonly #told = new Set<FencePartName>();
  #status: FenceStatus = {};

  constructor(name: string, config: CpuFenceConfig, cgroups: CpuCgroups, log: Log) {
    this.#name = name;
    this.#config = config;
    this.#cgroups = cgroups;
    this.#log = log;
  }

  /** The parts that were asked for, as of the newest thread. */
  get status(): FenceStatus {
    return this.#status;
  }

  /**
   * Fences a thread in; for each new one of the collector. Never throws: a collector without fence is better than none.
   * What fails is in `status`, and in the log the first time. Threads the fenced one makes later inherit it all.
   * @param tid as in /proc/<pid>/task
   */
  apply(tid: number): void {
    const { affinity, nice, quota_cores } = this.#config;
    this.#status = {
      ...(affinity.length > 0 && this.#try('affinity', () => setAffinity(tid, affinity))),
      ...(nice !== 0 && this.#try('nice', () => setNice(tid, nice))),
      ...(quota_cores !== undefined &&
        this.#try('quota', () => this.#cgroups.limit(this.#name, quota_cores, tid))),
    };
  }

  /** Takes the quota's cgroup away. Affinity and nice go with the thread. */
  [Symbol.dispose](): void {
    this.#cgroups.remove(this.#name);
  }

  #try(part: FencePartName, action: () => void): FenceStatus {
    try {
      action();
      return { [part]: { in_force: true } };
    } catch (thrown) {
      const error = HuatuoError.from(thrown, 'SYSCALL_FAILED', 'see the cause');
      if (!this.#told.has(part)) {
        this.#told.add(part);
        this.#log.warn(`${this.#name} runs without the CPU ${part} it was given`, { error });
      }
      return { [part]: { in_force: false, reason: statusError(error) } };
    }
  }
}
