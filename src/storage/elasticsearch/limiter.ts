/**
 * How many bulk requests run at a time, over all tracers: one more after a round that went well, half after a refusal, one while the
 * server is away. After a failure no request starts before a pause of random length (full jitter), which grows with each failure.
 */
const BASE_MS = 200;
const MAX_PAUSE_MS = 30_000;

export type Verdict =
  | { readonly kind: 'ok' }
  /** The server asks for less. */
  | { readonly kind: 'overload' | 'down'; readonly retryAfter_ms?: number | undefined }
  /** Says nothing about the server. */
  | { readonly kind: 'unused' };

export type Release = (verdict: Verdict) => void;

export class Limiter {
  readonly #max: number;
  readonly #random: () => number;
  #limit = 1;
  #running = 0;
  #failures = 0;
  #pausedUntil_ms = 0;
  #timer: NodeJS.Timeout | undefined;
  readonly #waiting: { start(): void; readonly drop: (error: unknown) => void }[] = [];

  /** @param random in [0, 1) */
  constructor(max: number, random: () => number = Math.random) {
    this.#max = max;
    this.#random = random;
  }

  get limit(): number {
    return Math.floor(this.#limit);
  }

  get failures(): number {
    return this.#failures;
  }

  /** Resolves when a request may start, first come first served. @throws the signal's reason */
  acquire(signal: AbortSignal): Promise<Release> {
    signal.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<Release>();
    const entry = { start: () => resolve(this.#release()), drop: reject };
    const abort = (): void => {
      const index = this.#waiting.indexOf(entry);
      if (index >= 0) this.#waiting.splice(index, 1);
      reject(signal.reason);
    };
    signal.addEventListener('abort', abort, { once: true });
    this.#waiting.push(entry);
    this.#admit();
    return promise.finally(() => signal.removeEventListener('abort', abort));
  }

  close(): void {
    clearTimeout(this.#timer);
  }

  #release(): Release {
    let released = false;
    return (verdict) => {
      if (released) return;
      released = true;
      this.#running--;
      this.#learn(verdict);
      this.#admit();
    };
  }

  #learn(verdict: Verdict): void {
    switch (verdict.kind) {
      case 'ok':
        this.#failures = 0;
        this.#limit = Math.min(this.#max, this.#limit + 1 / this.#limit);
        break;
      case 'overload':
      case 'down': {
        this.#limit = verdict.kind === 'down' ? 1 : Math.max(1, this.#limit / 2);
        const ceiling_ms = Math.min(MAX_PAUSE_MS, BASE_MS * 2 ** Math.min(this.#failures, 20));
        const pause_ms = Math.max(this.#random() * ceiling_ms, verdict.retryAfter_ms ?? 0);
        this.#failures++;
        this.#pausedUntil_ms = Math.max(this.#pausedUntil_ms, performance.now() + pause_ms);
        break;
      }
      case 'unused':
        break;
    }
  }

  #admit(): void {
    const pause_ms = this.#pausedUntil_ms - performance.now();
    if (pause_ms > 0 && this.#waiting.length > 0) {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.#admit(), pause_ms);
      return;
    }
    while (this.#running < this.limit && this.#waiting.length > 0) {
      this.#running++;
      this.#waiting.shift()?.start();
    }
  }
}
