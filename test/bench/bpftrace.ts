/** bpftrace with a program of its kind of runqlat, as the reference of ours. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { eventually } from '../support/eventually.ts';
import { programsOf } from './program-runs.ts';

/** Waits of runnable tasks in a histogram of microseconds, for the host alone: neither containers nor zones. */
const RUNQLAT = `
tracepoint:sched:sched_wakeup, tracepoint:sched:sched_wakeup_new { @since[args->pid] = nsecs; }
tracepoint:sched:sched_switch {
  if (args->prev_state == 0) { @since[args->prev_pid] = nsecs; }
  $since = @since[args->next_pid];
  if ($since) { @waits_us = hist((nsecs - $since) / 1000); }
  delete(@since[args->next_pid]);
}`;
const PROBES = 3;

export class Bpftrace implements AsyncDisposable {
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  static installed(): boolean {
    return spawnSync('bpftrace', ['--version']).status === 0;
  }

  static async runqlat(): Promise<Bpftrace> {
    const traced = new Bpftrace(spawn('bpftrace', ['-e', RUNQLAT], { stdio: 'ignore' }));
    try {
      await eventually('the programs of bpftrace', () => programsOf(traced.pid).size >= PROBES);
      return traced;
    } catch (error) {
      await traced[Symbol.asyncDispose]();
      throw error;
    }
  }

  get pid(): number {
    return this.#child.pid!;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null) return;
    const exited = once(this.#child, 'exit');
    this.#child.kill();
    await exited;
  }
}
