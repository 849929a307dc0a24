/** Profiles: where a container, some processes or the host spent time, or touched new memory, as stacks with names. */

/** What a profile counts; see `Profiles`, and `MemoryGrowth` for the last two. */
export type ProfileKind = 'on_cpu' | 'off_cpu' | 'allocations' | 'block' | 'page_cache' | 'slab';

/** What a sample's task was at. Of a wait that was ended by a wake-up, the time on the run queue is a sample of its own. */
export type ProfileState = 'on_cpu' | 'run_queue' | 'sleeping' | 'uninterruptible' | 'io_wait';

/** One function in a stack. */
export interface ProfileFrame {
  /** Demangled. `[unknown]` and the file when there is no name for the place. */
  readonly name: string;
  /** Base name of the file, `[kernel]`, or `[jit]`; empty when not even that is known. */
  readonly module: string;
  readonly mode: 'kernel' | 'user';
  readonly isUnknown: boolean;
}

export interface ProfileStack {
  readonly pid: number;
  /** Chosen by the process. */
  readonly comm: string;
  readonly state: ProfileState;
  /** Outermost first; user frames before kernel frames. */
  readonly frames: readonly ProfileFrame[];
  readonly samples: number;
  /** In the profile's unit. */
  readonly value: number;
}

/** Plain data. */
export interface Profile {
  readonly kind: ProfileKind;
  /** Of `value`: CPU time and waits in nanoseconds, memory in bytes (a page for each fault). */
  readonly unit: 'nanoseconds' | 'bytes';
  /** How long it took, from the first sample possible to the last. */
  readonly seconds: number;
  /** When it began. */
  readonly started_unix_ns: bigint;
  readonly stacks: readonly ProfileStack[];
  /** Of the subject, those that were lost included. */
  readonly samples: number;
  /** Samples for which the kernel had no room. */
  readonly lost: number;
  /** Samples of CPUs that had nothing to do, of a profile of the host's CPU time. */
  readonly idle: number;
  /** Samples with at least one frame without a name. */
  readonly unknown_samples: number;
  /** Frames in all stacks, and how many of them have no name; a stack counts as often as it was sampled. */
  readonly frames: number;
  readonly unknown_frames: number;
}

/** How long a profile takes. It also ends when the capture is aborted, with what there is. */
export interface ProfileOptions {
  /** From 0.1 to 60; less when the capture's deadline comes first, of which a quarter is kept for names. */
  readonly seconds: number;
  /** Of these processes, at most 1,024, instead of the capture's subject. */
  readonly pids?: readonly number[];
  /** Of the whole host instead: who else there is. */
  readonly of?: 'host';
}

export interface CpuProfileOptions extends ProfileOptions {
  /** How often each CPU is looked at, in a second; 99. */
  readonly hz?: number;
  /** Only these CPUs, by number. */
  readonly cpus?: readonly number[];
}

/** CPU time before a trigger and since; one of them at least is there. */
export interface ProfileAround {
  /** Absent unless the collector has `pre_capture`, and when it could not be had. Its `lost` are of the whole host. */
  readonly before?: Profile;
  /** Absent when the subject had ended. */
  readonly after?: Profile;
}

/**
 * Profiles of a capture's subject. Each loads a BPF object, attaches it, waits, detaches it and looks the names up; what the kernel
 * holds for it is freed when the promise settles.
 *
 * @throws what keeps the object from being loaded: PERMISSION_DENIED, BTF_MISSING, VERIFIER_REFUSED, ATTACH_FAILED …
 */
export interface Profiles {
  /** What runs, looked at again and again on every CPU. */
  onCpu(options: CpuProfileOptions): Promise<Profile>;
  /**
   * The same, and what the subject ran before the trigger, in a collector that has the options `PRECAPTURE` and where they ask for
   * it. The document is marked as partial when the subject had ended before it could be looked at, or processes had before it was
   * known where their code is.
   */
  around(options: Pick<CpuProfileOptions, 'seconds'>): Promise<ProfileAround>;
  /** Where tasks wait and for how long: for an event, in uninterruptible sleep, for I/O, or on the run queue. */
  offCpu(options: ProfileOptions): Promise<Profile>;
  /** Where memory comes into use: page faults, one of seven. */
  allocations(options: ProfileOptions): Promise<Profile>;
  /** Where tasks wait for I/O and for how long. */
  block(options: ProfileOptions): Promise<Profile>;
}
