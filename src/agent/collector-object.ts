/**
 * The BPF object of one collector, and what stands on it: the wake-ups of its ring, its ledger, what it tells of itself. All that
 * lives as long as the object, whatever becomes of the worker.
 */
import { isDeepStrictEqual } from 'node:util';
import type { KernelCalls } from '../actor/kernel-calls.ts';
import type { ActorStatus } from '../actor/state.ts';
import type { KernelObject } from '../kernel/object.ts';
import { KernelOwner, type ObjectSource } from '../kernel/object-owner.ts';
import type { RingWatch } from '../kernel/ring-watch.ts';
import type { Attempts } from './attempts.ts';
import type { AttachedObject, ProgramRuns } from './child.ts';
import { attachWithoutReader } from './first-record.ts';
import { programCounts } from './program-counts.ts';
import { RingLedger } from './ring-ledger.ts';
import type { RingRow } from './saved-ledger.ts';
import { wakeReader } from './wake-reader.ts';

/** Of this agent. */
let objects = 0;

interface ObjectDependencies {
  /** What of the object cannot be read is left out. */
  readonly attempts: Attempts;
  /** Hears the wake-ups of the ring. */
  readonly rings: RingWatch;
  /** `RingWakes` of the reader. */
  readonly wakes: SharedArrayBuffer;
}

export class CollectorObject {
  /** Called at each wake-up of the ring, when the reader has been told. */
  heard: () => void = () => undefined;
  readonly #source: ObjectSource;
  readonly #dependencies: ObjectDependencies;
  readonly #owner: KernelOwner;
  /** Another object has another number. */
  #number = 0;
  #isAttached = false;
  #ledger: RingLedger | undefined;

  constructor(source: ObjectSource, dependencies: ObjectDependencies) {
    this.#source = source;
    this.#dependencies = dependencies;
    this.#owner = new KernelOwner(source, (object) => this.#loaded(source.manifest.collector, object));
  }

  get calls(): KernelCalls {
    return this.#owner.calls;
  }

  get isPinned(): boolean {
    return this.#owner.object?.isPinned ?? false;
  }

  /** Undefined until the worker says that its programs run, and when they do no longer. */
  get attached(): AttachedObject | undefined {
    return this.#isAttached ? { number: this.#number, calls: this.calls } : undefined;
  }

  /** Whether the object of another configuration is this one. Both are of the same files. */
  fits(other: ObjectSource): boolean {
    const { objectPath, options, paths, pin } = this.#source;
    const own = [objectPath, options, paths, pin?.directory];
    return isDeepStrictEqual(own, [other.objectPath, other.options, other.paths, other.pin?.directory]);
  }

  /** See first-record.ts. What a worker before has not read needs one, too. */
  async attachWithoutReader(): Promise<boolean> {
    this.#isAttached = await attachWithoutReader(this.#owner, this.#source);
    return this.#isAttached && !this.#hasPending();
  }

  /**
   * Detaches one that has no reader.
   * @returns whether a record that its ring holds needs one now
   */
  async endWithoutReader(): Promise<boolean> {
    if (!this.#owner.object) return false;
    const pending = await this.#dependencies.attempts.tryLater('looking for a last record', async () => {
      await this.calls.detach();
      return this.#hasPending();
    });
    return pending ?? true;
  }

  /** The worker has said that it works. */
  works(): void {
    this.#isAttached = this.#owner.object !== undefined;
  }

  get status(): Pick<ActorStatus, 'missing_programs' | 'chosen_variants' | 'program_counts'> {
    const object = this.#owner.object;
    if (!object) return {};
    const program_counts = this.#dependencies.attempts.try('reading the counts of its programs', () =>
      programCounts(object),
    );
    const missing_programs = object.programs.flatMap(({ program, section, state, reason = '' }) =>
      state === 'missing' ? [{ program, section, reason }] : [],
    );
    const chosen_variants = object.programs.flatMap(({ program, purpose, section, state }) =>
      state === 'runs' && purpose !== undefined ? [{ purpose, program, section }] : [],
    );
    return {
      ...(missing_programs.length > 0 && { missing_programs }),
      ...(chosen_variants.length > 0 && { chosen_variants }),
      ...(program_counts && { program_counts }),
    };
  }

  /** See `KernelObject`. */
  get missedRuns(): number | undefined {
    return this.#dependencies.attempts.try('asking for missed runs', () => this.#owner.object?.missedRuns);
  }

  get programRuns(): readonly ProgramRuns[] | undefined {
    return this.#dependencies.attempts.try('asking for runs', () => this.#owner.object?.programInfos);
  }

  /** Undefined without ring, or while that is not loaded. @throws SYSCALL_FAILED */
  ledger(): RingRow | undefined {
    return this.#ledger?.read();
  }

  /** @returns false while there is nothing to be sampled. @throws MAP_FAILED */
  setSampling(every: number): boolean {
    return this.#owner.object?.setSampling(every) ?? false;
  }

  /** Has programs that sample run on the CPUs that are online now. */
  followCpus(): void {
    this.#dependencies.attempts.try('following the CPUs that are online', () => this.#owner.followCpus());
  }

  /** Frees it; what is pinned goes on. */
  async release(): Promise<void> {
    await this.#dependencies.attempts.tryLater('letting go of its object', () => this.#owner.release());
  }

  #hasPending(): boolean {
    return BigInt(this.ledger()?.pending_bytes ?? 0) > 0n;
  }

  #loaded(collector: string, object: KernelObject): Disposable {
    const { rings, wakes } = this.#dependencies;
    using dependents = new DisposableStack();
    dependents.use(wakeReader(rings, object, wakes, () => this.heard()));
    const ledger = dependents.use(RingLedger.open(collector, object));
    dependents.defer(() => {
      this.#isAttached = false;
      this.#ledger = undefined;
    });
    this.#ledger = ledger;
    this.#number = ++objects;
    return dependents.move();
  }
}
