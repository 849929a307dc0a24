/**
 * When a child is started again: the restart half of an Erlang child spec, as data and one pure class.
 *
 *   exit ──permanent fault──► unsupported           never again (until the configuration changes)
 *     ├───within intensity──► restart in back-off   min, 2 min, 4 min … max, each halved at random
 *     └───over intensity────► failed                again after `failedRetry_ms`, for as long as it takes
 *
 * A child that stayed up for `calm_ms` starts over with the shortest delay and a clean record; one that was *failed* and
 * falls again before that goes straight back to the slow pace.
 */
export interface RestartSpec {
  /** permanent: always restarted; transient: only after a fault; temporary: never. */
  readonly restart: 'permanent' | 'transient' | 'temporary';
  /** More than this many restarts within `window_ms` make the child *failed*. */
  readonly intensity: number;
  readonly window_ms: number;
  readonly backoffMin_ms: number;
  readonly backoffMax_ms: number;
  readonly calm_ms: number;
  readonly failedRetry_ms: number;
}

export type ExitKind = 'normal' | 'fault' | 'permanent_fault';
export type Verdict =
  | { readonly next: 'restart'; readonly delay_ms: number }
  | { readonly next: 'failed'; readonly delay_ms: number }
  | { readonly next: 'unsupported' }
  | { readonly next: 'stopped' };

export class RestartPolicy {
  readonly #spec: RestartSpec;
  readonly #random: () => number;
  #exits_ms: number[] = [];
  #streak = 0;
  #failed = false;

  /** @param random 0 ≤ x < 1; injected so that a test can name the delays */
  constructor(spec: RestartSpec, random: () => number = Math.random) {
    this.#spec = spec;
    this.#random = random;
  }

  /**
   * What to do about a child that ended.
   * @param now_ms a monotonic clock
   * @param up_ms how long the child had been running
   */
  onExit(kind: ExitKind, now_ms: number, up_ms: number): Verdict {
    const { restart, intensity, window_ms, calm_ms, failedRetry_ms } = this.#spec;
    if (kind === 'permanent_fault') return { next: 'unsupported' };
    if (restart === 'temporary' || (restart === 'transient' && kind === 'normal')) return { next: 'stopped' };
    if (up_ms >= calm_ms) {
      this.#streak = 0;
      this.#failed = false;
    }
    this.#exits_ms = this.#exits_ms.filter((exit) => now_ms - exit < window_ms);
    this.#exits_ms.push(now_ms);
    this.#failed ||= this.#exits_ms.length > intensity;
    if (this.#failed) return { next: 'failed', delay_ms: failedRetry_ms };
    return { next: 'restart', delay_ms: this.#backoff() };
  }

  #backoff(): number {
    const { backoffMin_ms, backoffMax_ms } = this.#spec;
    const ceiling = Math.min(backoffMax_ms, backoffMin_ms * 2 ** this.#streak);
    this.#streak = Math.min(this.#streak + 1, 30);
    return Math.round(ceiling * (0.5 + this.#random() / 2));
  }
}
