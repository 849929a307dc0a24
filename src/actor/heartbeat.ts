/** Watches a counter that rises while a thread is alive. */
export class Heartbeat {
  readonly #read: () => number;
  #last = -1;
  #changed_ms = 0;

  /** @param read the counter; shared memory, so it can be read of a thread that hangs */
  constructor(read: () => number) {
    this.#read = read;
  }

  /** A new life begins: its silence is counted from now. */
  begin(now_ms: number): void {
    this.#changed_ms = now_ms;
  }

  /** Reads the counter. @returns for how long it has stood still */
  listen(now_ms: number): number {
    const beat = this.#read();
    if (beat !== this.#last) {
      this.#last = beat;
      this.#changed_ms = now_ms;
    }
    return this.silence(now_ms);
  }

  /** For how long it had stood still when it was last read. */
  silence(now_ms: number): number {
    return now_ms - this.#changed_ms;
  }
}
