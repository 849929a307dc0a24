/**
 * Waits for a ring without blocking the thread: koffi's poll handle joins Node's own event loop.
 *
 * What wakes is the wake-up of a BPF program (bpf/include/event.h): the watermark was crossed, or an event is urgent.
 * That there are bytes in the ring wakes nobody: below the watermark they wait for company, and the timer bounds their
 * age. A reader that looked whenever there was one byte would take a busy ring apart in batches of a few events, each of
 * which costs a message, an answer and a commit.
 */
import koffi from 'koffi';
import { EdgeTriggered } from './edge.ts';

export class RingWaker implements Disposable {
  readonly #edge: EdgeTriggered;
  readonly #handle: ReturnType<typeof koffi.node.poll>;
  readonly #maxAge_ms: number;
  #woken = false;
  #wake: (() => void) | undefined;

  /**
   * @param ringFd map fd of the ring; must stay open until dispose
   * @param maxAge_ms how long a record may wait that did not cross the watermark
   */
  constructor(ringFd: number, maxAge_ms: number) {
    this.#maxAge_ms = maxAge_ms;
    this.#edge = new EdgeTriggered(ringFd);
    // Kept in a field: the handle stops working when it is collected.
    this.#handle = koffi.node.poll(this.#edge.fd, { readable: true }, () => {
      this.#edge.clear();
      this.wake();
    });
  }

  /** Resolves when the ring was woken since the last wait, `maxAge_ms` has passed, or `wake()` was called. */
  async wait(): Promise<void> {
    if (!this.#woken) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const timer = setTimeout(resolve, this.#maxAge_ms);
      this.#wake = resolve;
      await promise;
      clearTimeout(timer);
      this.#wake = undefined;
    }
    this.#woken = false;
  }

  /** Ends this wait, or the next one. */
  wake(): void {
    this.#woken = true;
    this.#wake?.();
  }

  [Symbol.dispose](): void {
    this.wake();
    this.#handle.close();
    this.#edge[Symbol.dispose]();
  }
}
