/** The agent's pins: where they are, that no other agent uses them, and that none is left of a collector that is not pinned. */
import type { EffectiveConfig } from '../config/effective.ts';
import { lockPinDirectory, preparePinDirectory } from '../kernel/bpffs.ts';
import { removeOtherPins } from '../kernel/pins/pin-set.ts';
import type { Log } from '../sdk/context.ts';

export class PinKeeper implements Disposable {
  readonly #log: Log;
  #directory: string | undefined;
  #lock: Disposable | undefined;

  constructor(log: Log) {
    this.#log = log;
  }

  /** Where collectors are to be pinned; undefined when they are not. */
  get directory(): string | undefined {
    return this.#directory;
  }

  /**
   * Makes ready for the configuration now in force.
   * @param pinned names of the collectors that keep their pins; the others' are removed
   * @throws DIRECTORY_NOT_WRITABLE when pinning is asked for and cannot be had
   */
  apply({ bpf }: EffectiveConfig, pinned: ReadonlySet<string>): void {
    const directory = bpf.pin_directory;
    if (bpf.pin && this.#directory !== directory) {
      this[Symbol.dispose]();
      preparePinDirectory(directory);
      // Two agents on one set of pins would read one ring.
      this.#lock = lockPinDirectory(directory);
      this.#directory = directory;
    }
    for (const set of removeOtherPins(directory, bpf.pin ? pinned : new Set())) {
      this.#log.info('removed the pins of a collector that is not pinned any more', { ...set });
    }
    if (!bpf.pin) this[Symbol.dispose]();
  }

  [Symbol.dispose](): void {
    this.#lock?.[Symbol.dispose]();
    this.#lock = undefined;
    this.#directory = undefined;
  }
}
