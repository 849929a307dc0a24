/** The agent's pins: where they are, that no other agent uses them, and that none is left of a collector that is not pinned. */
import { existsSync } from 'node:fs';
import type { EffectiveConfig } from '../config/effective.ts';
import { lockPinDirectory, preparePinDirectory } from '../kernel/bpffs.ts';
import { forgetPinOwner, notePinOwner, pinOwner } from '../kernel/pins/pin-owner.ts';
import { removeOtherPins } from '../kernel/pins/pin-set.ts';
import type { Log } from '../sdk/context.ts';

export class PinKeeper implements Disposable {
  readonly #log: Log;
  /** By directory. While a reload is under way there may be two. */
  readonly #locks = new Map<string, Disposable>();
  #directory: string | undefined;

  constructor(log: Log) {
    this.#log = log;
  }

  /** Where collectors are to be pinned; undefined when they are not. */
  get directory(): string | undefined {
    return this.#directory;
  }

  /**
   * Takes the directory of the configuration now in force for collectors that are started from now on. The one before stays this
   * agent's until `settle`: its collectors still run.
   * @throws DIRECTORY_NOT_WRITABLE when pinning is asked for and cannot be had; nothing has changed then
   */
  hold({ bpf }: EffectiveConfig): void {
    const directory = bpf.pin ? bpf.pin_directory : undefined;
    if (directory !== undefined && !this.#locks.has(directory)) {
      preparePinDirectory(directory);
      // Two agents on one set of pins would read one ring.
      this.#locks.set(directory, lockPinDirectory(directory));
    }
    this.#directory = directory;
  }

  /**
   * Removes what no collector is to have pinned, and lets go of a directory that is not used any more. Called when this agent is
   * known to be the one that runs on its journal, and what ran with another configuration has stopped.
   * @param pinned names of the collectors that keep their pins; the others' are removed
   */
  settle({ bpf, journal }: EffectiveConfig, pinned: ReadonlySet<string>): void {
    if (this.#directory !== undefined) notePinOwner(this.#directory, journal.directory);
    this.#removeOthers(bpf.pin_directory, bpf.pin ? pinned : new Set(), journal.directory);
    for (const [directory, lock] of this.#locks) {
      if (directory === this.#directory) continue;
      lock[Symbol.dispose]();
      this.#locks.delete(directory);
    }
  }

  /** An agent that pins nothing meets those of another one, which runs or is down, in the directory that both have by default. */
  #removeOthers(directory: string, pinned: ReadonlySet<string>, journal: string): void {
    if (!existsSync(directory)) return;
    try {
      const isHeld = this.#locks.has(directory);
      using _lock = isHeld ? undefined : lockPinDirectory(directory);
      const owner = pinOwner(directory);
      if (!isHeld && owner !== undefined && owner !== journal) {
        const detail = { directory, journal: owner, remedy: 'huatuo unpin removes them' };
        this.#log.info('pins of an agent with another journal are left alone', detail);
        return;
      }
      if (!isHeld) forgetPinOwner(directory);
      for (const set of removeOtherPins(directory, pinned))
        this.#log.info('removed the pins of a collector that is not pinned any more', { ...set });
    } catch (error) {
      this.#log.info('pins that are not of this agent are left alone', { directory, error });
    }
  }

  [Symbol.dispose](): void {
    for (const lock of this.#locks.values()) lock[Symbol.dispose]();
    this.#locks.clear();
    this.#directory = undefined;
  }
}
