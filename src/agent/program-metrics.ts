/** What BPF programs cost, as metrics. */
import { counter, type OwnFamily, type Sample } from '../storage/prometheus/own-family.ts';
import type { ProgramRuns } from './child.ts';

interface CollectorRuns extends ProgramRuns {
  readonly collector: string;
}

export function programFamilies(programs: readonly CollectorRuns[]): OwnFamily[] {
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
