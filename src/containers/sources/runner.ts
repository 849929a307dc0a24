/**
 * Asks one source again and again, off the event path: at most one question at a time, each under a deadline, and a
 * source that fails is asked less and less often.
 */
import { HuatuoError } from '../../error.ts';
import type { Log } from '../../sdk/context.ts';
import type { ContainerDetails, DetailSource } from './source.ts';

/** `absent`: there is no engine to ask, which is no failure. */
type SourceCondition = 'absent' | 'unasked' | 'ok' | 'failed';

/** For `/api/v1/status`, `/api/v1/containers` and metrics. */
export interface SourceStatus {
  readonly name: string;
  /** Socket, directory or URL. */
  readonly place: string;
  readonly state: SourceCondition;
  /** Containers of the newest answer. */
  readonly containers: number;
  /** Containers it named and that could not be taken. */
  readonly left_out: number;
  /** RFC 3339, UTC: when it last answered. */
  readonly answered_at?: string;
  /** Why it is `failed`. */
  readonly error?: { readonly code: string; readonly message: string };
}

export interface RunnerOptions {
  readonly refresh_ms: number;
  readonly timeout_ms: number;
  readonly log: Log;
  /** Called with each answer; `key` is the runner's. */
  readonly onDetails: (key: string, details: readonly ContainerDetails[]) => void;
}

/** Containers come in bursts: one question for all of a second. */
const HURRY_MS = 1000;
/** A failing source is asked this much less often at most. */
const MAX_PATIENCE = 16;

export class SourceRunner implements Disposable {
  readonly #source: DetailSource;
  readonly #options: RunnerOptions;
  #state: SourceCondition = 'unasked';
  #containers = 0;
  #answeredAt: Date | undefined;
  #error: HuatuoError | undefined;
  #failures = 0;
  #next: NodeJS.Timeout | undefined;
  #due_ms = 0;
  #asking: AbortController | undefined;
  /** It was hurried while a question was open, whose answer may be older. */
  #isHurried = false;
  readonly #asked = Promise.withResolvers<void>();
  #closed = false;

  constructor(source: DetailSource, options: RunnerOptions) {
    this.#source = source;
    this.#options = options;
  }

  start(): void {
    this.#askIn(0);
  }

  /** Two sources of one name ask at different places. */
  get key(): string {
    return `${this.#source.name} ${this.#source.place}`;
  }

  get status(): SourceStatus {
    const { name, place, leftOut } = this.#source;
    return {
      name,
      place,
      state: this.#state,
      containers: this.#containers,
      left_out: leftOut ? leftOut.malformed + leftOut.overLimit : 0,
      ...(this.#answeredAt && { answered_at: this.#answeredAt.toISOString() }),
      ...(this.#error && { error: { code: this.#error.code, message: this.#error.message } }),
    };
  }

  /** Resolves when it was asked once, whatever came of it. */
  get asked(): Promise<void> {
    return this.#asked.promise;
  }

  /** There is a container that is not described yet. Does nothing while the source fails: it has its own pace then. */
  hurry(): void {
    if (this.#asking) this.#isHurried = true;
    else if (this.#failures === 0 && this.#due_ms > performance.now() + HURRY_MS) this.#askIn(HURRY_MS);
  }

  [Symbol.dispose](): void {
    this.#closed = true;
    clearTimeout(this.#next);
    this.#asking?.abort();
    this.#source[Symbol.dispose]();
  }

  #askIn(milliseconds: number): void {
    if (this.#closed) return;
    clearTimeout(this.#next);
    this.#due_ms = performance.now() + milliseconds;
    this.#next = setTimeout(() => void this.#ask(), milliseconds).unref();
  }

  async #ask(): Promise<void> {
    // The answer to a question that is open sets the next one.
    if (this.#asking) return;
    const { refresh_ms, timeout_ms } = this.#options;
    this.#asking = new AbortController();
    try {
      if (!this.#source.present()) this.#enter('absent', 0);
      else {
        const signal = AbortSignal.any([this.#asking.signal, AbortSignal.timeout(timeout_ms)]);
        const details = await this.#source.list(signal);
        this.#answeredAt = new Date();
        this.#enter('ok', details.filter((one) => one.of === undefined).length);
        if (!this.#closed) this.#options.onDetails(this.key, details);
      }
    } catch (thrown) {
      this.#fail(HuatuoError.from(thrown, 'CONTAINER_SOURCE_FAILED', `check ${this.#source.place}`));
    } finally {
      this.#asking = undefined;
      this.#asked.resolve();
      this.#askIn(refresh_ms * Math.min(2 ** this.#failures, MAX_PATIENCE));
      if (this.#isHurried) this.hurry();
      this.#isHurried = false;
    }
  }

  /** While it is not there (an engine that restarts takes its socket away), what was said before stays too. */
  #enter(state: 'absent' | 'ok', containers: number): void {
    const { name, place } = this.#source;
    if (this.#state === 'failed' && state === 'ok')
      this.#options.log.info(`containers are described by ${name} again`, { place });
    this.#state = state;
    this.#containers = containers;
    this.#error = undefined;
    this.#failures = 0;
  }

  /** What it said before stays: descriptions do not become wrong because they are not repeated. */
  #fail(error: HuatuoError): void {
    if (this.#closed) return;
    const { name, place } = this.#source;
    if (this.#state !== 'failed')
      this.#options.log.warn(`containers are not described by ${name}`, { place, error });
    this.#state = 'failed';
    this.#error = error;
    this.#failures += 1;
  }
}
