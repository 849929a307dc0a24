/** CPU time and heap of an actor's thread, over all its lives. */
import type { Worker } from 'node:worker_threads';

export class WorkerUsage {
  #earlierLives_us = 0;
  #thisLife_us = 0;
  #heap_bytes = 0;

  /** Asks the thread's isolate; resolves at once for a thread that is gone, and never rejects. */
  async measure(worker: Worker): Promise<void> {
    try {
      const [{ user, system }, heap] = await Promise.all([worker.cpuUsage(), worker.getHeapStatistics()]);
      this.#thisLife_us = Math.max(this.#thisLife_us, user + system);
      this.#heap_bytes = heap.used_heap_size;
    } catch {
      // The thread ended while it was asked.
    }
  }

  /** The thread is gone: what it had used stays on the account. */
  ended(): void {
    this.#earlierLives_us += this.#thisLife_us;
    this.#thisLife_us = 0;
    this.#heap_bytes = 0;
  }

  get cpu_us(): number {
    return this.#earlierLives_us + this.#thisLife_us;
  }

  get heap_bytes(): number {
    return this.#heap_bytes;
  }
}
