/**
 * What pinning means for the life of one BPF object: adopt what fits, replace what does not and say so, and never let a
 * failure to pin keep a collector from collecting.
 */
import { HuatuoError } from '../../error.ts';
import type { Log } from '../../sdk/context.ts';
import { preparePinDirectory } from '../bpffs.ts';
import type { Handles } from '../handles.ts';
import type { Libbpf } from '../libbpf.ts';
import { PAGE_BYTES } from '../libc.ts';
import type { ProgramChoice } from '../programs.ts';
import { adoptObject, pinObject } from './adopt.ts';
import { fingerprint, PinSet, removePins } from './pin-set.ts';

export interface PinRequest {
  /** On a BPF file system; made when it is not there. */
  readonly directory: string;
  readonly log: Log;
}

/** The part of a load request that decides whether a pinned object is the one that would be loaded. */
interface Identity {
  readonly bytes: Uint8Array;
  readonly options: Readonly<Record<string, bigint>>;
}

export class Pinning {
  readonly #collector: string;
  readonly #directory: string;
  readonly #log: Log;
  readonly #fingerprint: string;
  readonly #set: PinSet;

  private constructor(collector: string, { directory, log }: PinRequest, { bytes, options }: Identity) {
    this.#collector = collector;
    this.#directory = directory;
    this.#log = log;
    this.#fingerprint = fingerprint(bytes, { ...options, page_bytes: BigInt(PAGE_BYTES) });
    this.#set = new PinSet(directory, collector, this.#fingerprint);
  }

  /** @returns undefined, after a warning, where nothing can be pinned */
  static prepare(collector: string, request: PinRequest, identity: Identity): Pinning | undefined {
    try {
      preparePinDirectory(request.directory);
      return new Pinning(collector, request, identity);
    } catch (error) {
      request.log.warn('cannot pin: events are not collected while no agent runs', { error });
      return undefined;
    }
  }

  /** Whether an agent has left a complete set of the same object with the same options. */
  get hasSet(): boolean {
    return this.#set.exists;
  }

  /**
   * Fills the handles of an opened object from the set; other sets of the collector are removed.
   * @returns false when the set is damaged
   */
  adopt(api: Libbpf, handles: Handles, choice: ProgramChoice): boolean {
    try {
      adoptObject(api, handles, choice, this.#set);
    } catch (error) {
      this.#log.warn('the pinned set is damaged', { error });
      return false;
    }
    this.#remove(this.#fingerprint);
    this.#log.info('adopted what an earlier agent pinned', { fingerprint: this.#fingerprint });
    return true;
  }

  /** Pins an attached object; a failure is logged, and what was pinned by then removed. */
  pin(api: Libbpf, handles: Handles): void {
    try {
      pinObject(api, handles, this.#set);
    } catch (thrown) {
      const error = HuatuoError.from(thrown, 'SYSCALL_FAILED', 'check the BPF file system');
      this.#log.warn('cannot pin: events are not collected while no agent runs', { error });
      this.#remove();
    }
  }

  /** There will be no set: what runs takes an agent. */
  refuse(): void {
    this.#remove();
    this.#log.info('not pinned: it samples CPUs or iterates, which takes an agent');
  }

  /** Removes every set of the collector. */
  clear(): void {
    this.#remove();
  }

  #remove(keep?: string): void {
    for (const set of removePins(this.#directory, this.#collector, keep)) {
      const level = set.unread_bytes > 0 ? 'warn' : 'info';
      this.#log[level]('removed a pinned set', { ...set });
    }
  }
}
