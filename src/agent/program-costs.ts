/** What each BPF program costs, as metrics: where the kernel measures it. Elsewhere there are none: a count of 0 would not be true. */
import type { BpfConfig } from '../config/effective.ts';
import { areRunsMeasured, enableRunStats } from '../kernel/run-stats.ts';
import type { Log } from '../sdk/context.ts';
import type { OwnFamily } from '../storage/prometheus/own-family.ts';
import type { CollectorChild } from './child.ts';
import { programFamilies } from './program-metrics.ts';

export class ProgramCosts {
  readonly #log: Log;
  #measuring: Disposable | undefined;

  constructor(log: Log) {
    this.#log = log;
  }

  /** Has the kernel measure, or ends that. A kernel that does not is told in the log, and costs nothing else. */
  apply({ stats }: Pick<BpfConfig, 'stats'>): void {
    if (!stats) this[Symbol.dispose]();
    else if (!this.#measuring) {
      try {
        this.#measuring = enableRunStats();
      } catch (error) {
        this.#log.warn('what BPF programs cost is not measured', { error });
      }
    }
  }

  families(children: Iterable<CollectorChild>, procfs: string): OwnFamily[] {
    if (!this.#measuring && !areRunsMeasured(procfs)) return [];
    return programFamilies(
      [...children].flatMap((child) =>
        (child.programRuns?.() ?? []).map((one) => ({ collector: child.entry.name, ...one })),
      ),
    );
  }

  [Symbol.dispose](): void {
    this.#measuring?.[Symbol.dispose]();
    this.#measuring = undefined;
  }
}
