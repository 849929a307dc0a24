/**
 * What the agent as a whole is doing, one thing at a time:
 *
 *   starting ──► up ◄──► reloading       a reload that is asked for meanwhile waits for its turn
 *       └────────┴──────────┴──► stopping     what is under way gives up at its next step; the stop begins when it has
 */
import { HuatuoError } from '../error.ts';

export type AgentPhase = 'starting' | 'up' | 'reloading' | 'stopping';

export class Lifecycle {
  #phase: AgentPhase = 'starting';
  /** Settles with what was begun last, and never rejects. */
  #work: Promise<unknown> = Promise.resolve();
  readonly #stop = new AbortController();

  get phase(): AgentPhase {
    return this.#phase;
  }

  /**
   * Starts the agent, or puts a configuration in force, when what was begun before has ended.
   * @param work gets a signal that is aborted when the agent is to stop, and throws then at its next step
   * @throws CANCELLED when it stops, and what `work` throws: the phase is then what it was before
   */
  run<T>(phase: 'starting' | 'reloading', work: (stopping: AbortSignal) => Promise<T>): Promise<T> {
    const mine = this.#work.then(() => this.#run(phase, work));
    this.#work = mine.catch(() => undefined);
    return mine;
  }

  /** From now on nothing is begun. Resolves when what was under way has ended. */
  async stop(): Promise<void> {
    this.#phase = 'stopping';
    const expected = 'an agent that runs';
    this.#stop.abort(
      new HuatuoError('CANCELLED', { expected, found: 'one that stops', remedy: 'start it again' }),
    );
    await this.#work;
  }

  async #run<T>(phase: AgentPhase, work: (stopping: AbortSignal) => Promise<T>): Promise<T> {
    const { signal } = this.#stop;
    signal.throwIfAborted();
    const before = this.#phase;
    this.#phase = phase;
    let after: AgentPhase = before;
    try {
      const result = await work(signal);
      after = 'up';
      return result;
    } finally {
      if (!signal.aborted) this.#phase = after;
    }
  }
}
