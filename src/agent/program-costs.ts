/** What each BPF program costs, as metrics: where the kernel measures it. Elsewhere there are none: a count of 0 would not be true. */
import type { BpfConfig } from '../config/effective.ts';
import { areRunsMeasured, enableRunStats } from '../kernel/run-stats.ts';
import type { Log } from '../sdk/context.ts';
import { counter, type OwnFamily, type Sample } from '../storage/prometheus/own-family.ts';
import type { CollectorChild, ProgramRuns } from './child.ts';

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
    const programs = [...children].flatMap((child) =>
      (child.programRuns?.() ?? []).map((one) => ({ collector: child.entry.name, ...one })),
    );
    const of = (value: (program: ProgramRuns) => number): Sample[] =>
      programs.map(({ collector, ...one }) => ({
        labels: { collector, program: one.program },
        value: value(one),
      }));
    return [
      counter(
        'huatuo_bpf_program_runs_total',
        'Runs of each BPF program, while the kernel measured them.',
        of(({ runs }) => runs),
      ),
      counter(
        'huatuo_bpf_program_run_seconds_total',
        'Time these runs took, in seconds.',
        of(({ run_ns }) => run_ns / 1e9),
      ),
    ];
  }

  [Symbol.dispose](): void {
    this.#measuring?.[Symbol.dispose]();
    this.#measuring = undefined;
  }
}
