/**
 * Waits for a ring without blocking the thread: koffi's poll handle joins Node's own event loop.
 *
 * The ring's fd stays readable for as long as anything in it is uncommitted (level-triggered), so the handle is only
 * armed when the reader has nothing in flight and found nothing to do. Records below the watermark do not wake
 * anyone (bpf/include/event.h); the timer bounds their age.
 */
import koffi from 'koffi';

export class RingWaker implements Disposable {
  readonly #handle: ReturnType<typeof koffi.node.poll>;
  readonly #maxAge_ms: number;
  #wake: (() => void) | undefined;

  /**
   * @param ringFd map fd of the ring; must stay open until dispose
   * @param maxAge_ms how long a record may wait that did not cross the watermark
   */
  constructor(ringFd: number, maxAge_ms: number) {
    this.#maxAge_ms = maxAge_ms;
    // Kept in a field: the handle stops working when it is collected.
    this.#handle = koffi.node.poll(ringFd, { readable: true }, () => this.wake());
    this.#handle.stop();
  }

  /** Resolves when the ring has crossed its watermark, `maxAge_ms` has passed, or `wake()` was called. */
  async wait(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, this.#maxAge_ms);
    this.#wake = resolve;
    this.#handle.start({ readable: true }, () => this.wake());
    await promise;
    clearTimeout(timer);
    this.#handle.stop();
    this.#wake = undefined;
  }

  /** Ends a wait early; does nothing when nobody waits. */
  wake(): void {
    this.#wake?.();
  }

  [Symbol.dispose](): void {
    this.wake();
    this.#handle.close();
  }
}
