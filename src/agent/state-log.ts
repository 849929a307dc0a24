/** One log line for each change of an actor's state; those of a crash loop are summarised. */

import { type ActorStatus, isHealthy } from '../actor/state.ts';
import { limitRepeats } from '../log-limit.ts';
import type { Log } from '../sdk/context.ts';

/** A crash loop writes two lines in this time, and how often they would have been repeated. */
const REPEATS_MS = 10_000;

/** What keeps the agent from starting, where it comes at the start. */
const NO_SERVER: ReadonlySet<string> = new Set(['PORT_IN_USE', 'LISTEN_FAILED']);

const IN_TURNS: ReadonlySet<ActorStatus['state']> = new Set(['running', 'waiting']);

export class StateLog implements Disposable {
  readonly #log: Log;
  readonly #limited: Log & Partial<Disposable>;
  /** Why collectors cannot run here, and which one was told to have that reason. */
  readonly #told = new Map<string, string>();

  /** Of each actor, as it was last written. */
  readonly #last = new Map<string, ActorStatus['state']>();

  /** @param everyLine nothing is summarised */
  constructor(log: Log, everyLine: boolean) {
    this.#log = log;
    this.#limited = everyLine ? log : limitRepeats(log, { interval_ms: REPEATS_MS });
  }

  /**
   * The end of a loop (failed, unsupported) is always written; a reason that many have is written out once.
   * @param isUp false while the agent has not begun to work: whether it does, and if not why, is told in one line by who starts it
   */
  write(status: ActorStatus, isUp: boolean): void {
    const { name, role, state, reason, restarts } = status;
    const line = `${name} is ${state}`;
    const who = { actor: name, role, state, restarts };
    // Whose work comes at intervals waits in between, and is well all the time.
    const isInTurn = IN_TURNS.has(state) && IN_TURNS.has(this.#last.get(name) ?? 'starting');
    this.#last.set(name, state);
    const first = state === 'unsupported' && reason ? this.#told.get(reason.message) : undefined;
    if (first !== undefined && first !== name) {
      this.#log.warn(`${line}, as ${first} is`, who);
      return;
    }
    if (state === 'unsupported' && reason) this.#told.set(reason.message, name);
    const detail = { ...who, ...(reason && state !== 'stopped' && { error: reason }) };
    const isTold = reason !== undefined && NO_SERVER.has(reason.code);
    if (!isUp && (isTold || state === 'running' || state === 'stopped')) this.#log.debug(line, detail);
    // There is nothing to see on this kernel, and nothing wrong with it.
    else if (state === 'unsupported' && isHealthy(status)) this.#log.info(line, detail);
    else if (state === 'failed' || state === 'unsupported') this.#log.error(line, detail);
    else if (state === 'restarting' || state === 'throttled') this.#limited.warn(line, detail);
    else if (state === 'starting' || isInTurn) this.#limited.debug(line, detail);
    else this.#limited.info(line, detail);
  }

  /** Writes the last summaries. */
  [Symbol.dispose](): void {
    this.#limited[Symbol.dispose]?.();
  }
}
