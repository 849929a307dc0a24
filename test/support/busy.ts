/** Processes that do nothing but use CPU time. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setAffinity } from '../../src/kernel/sched.ts';

export class BusyProcesses implements AsyncDisposable {
  readonly #children: readonly ChildProcess[];

  /** @param given.cpu where they run; otherwise where the scheduler puts them */
  constructor(count: number, { cpu }: { readonly cpu?: number } = {}) {
    this.#children = Array.from({ length: count }, () =>
      spawn('sh', ['-c', 'while :; do :; done'], { stdio: 'ignore' }),
    );
    if (cpu !== undefined) for (const pid of this.pids) setAffinity(pid, [cpu]);
  }

  get pids(): readonly number[] {
    return this.#children.map(({ pid }) => pid!);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(
      this.#children.map(async (child) => {
        const closed = once(child, 'close');
        child.kill('SIGKILL');
        await closed;
      }),
    );
  }
}
