/**
 * One BPF object of one collector: opened, its options set, loaded, attached, and, when it is pinned, adopted again by the
 * next agent.
 *
 *        open ──► options ──► load ──► attach ──► pin ··· detach ──► unload
 */

import type { ObjectManifest } from '../schema/manifest.ts';
import { attachPrograms, findProgram, followOnlineCpus, needsAgent, type Sampling } from './attach.ts';
import type { Handles } from './handles.ts';
import { MAX_ITERATION_BYTES, runIterator } from './iterator.ts';
import { type Libbpf, libbpf, type Pointer } from './libbpf.ts';
import { waitForRunningPrograms } from './libc.ts';
import { loadFresh, openHandles } from './load.ts';
import { Pinning, type PinRequest } from './pins/pinning.ts';
import { type ProgramInfo, programInfo } from './program-info.ts';
import { ProgramChoice, type ProgramStatus } from './programs.ts';
import { ONLINE_CPUS, readOnlineCpus, type SampledEvent } from './sampling.ts';
import { setSampling } from './variables.ts';

export interface LoadRequest {
  readonly manifest: ObjectManifest;
  /** The bytes of `<collector>.bpf.o`, already checked against the decoder's layout. */
  readonly bytes: Uint8Array;
  /** C name of a `const volatile` variable -> value; unknown names are ignored (the object may not use them). */
  readonly options: Readonly<Record<string, bigint>>;
  /** Set: maps and links are pinned, and a set that an earlier agent pinned is adopted instead of loading. */
  readonly pin?: PinRequest;
  /** Which of its programs run here; all, when it is left out. */
  readonly choice?: ProgramChoice;
  /** When its `perf_event` programs run, if that is not an option of its collector. */
  readonly sampledEvent?: SampledEvent;
  /** Entries of maps, by name, instead of those the object was built with. */
  readonly mapEntries?: Readonly<Record<string, number>>;
  /** File with the CPUs that `perf_event` programs run on; for tests. */
  readonly onlineCpus?: string;
}

/** When the object has no option for it. */
const SAMPLES_PER_SECOND = 49;

export class KernelObject {
  readonly manifest: ObjectManifest;
  readonly #api: Libbpf;
  readonly #handles: Handles;
  readonly #pinning: Pinning | undefined;
  readonly #choice: ProgramChoice;
  readonly #sampling: Sampling;
  /** Kept where the kernel may not attach a variant, and another one is to be loaded. */
  readonly #request: LoadRequest | undefined;
  #attaching: Promise<void> | undefined;

  private constructor(
    request: LoadRequest,
    parts: {
      readonly api: Libbpf;
      readonly handles: Handles;
      readonly pinning: Pinning | undefined;
      readonly choice: ProgramChoice;
    },
  ) {
    const { manifest, options, onlineCpus = ONLINE_CPUS } = request;
    this.manifest = manifest;
    this.#api = parts.api;
    this.#handles = parts.handles;
    this.#pinning = parts.pinning;
    this.#choice = parts.choice;
    this.#request = parts.choice.hasVariants ? request : undefined;
    const option = manifest.options.find(({ name }) => name === 'samples_per_second');
    const per_second = Number(options.samples_per_second ?? option?.defaultValue ?? SAMPLES_PER_SECOND);
    const { sampledEvent: event = { type: 'clock', per_second } } = request;
    this.#sampling = { event, online: () => readOnlineCpus(onlineCpus) };
  }

  /**
   * Adopts what an earlier agent left in pins, or opens and loads the object. The verifier takes its time in another thread.
   * @throws LIBBPF_MISSING, OBJECT_UNREADABLE, VERIFIER_REFUSED, PERMISSION_DENIED, OBJECT_LOAD_FAILED
   */
  static async load(request: LoadRequest): Promise<KernelObject> {
    const api = libbpf();
    const { choice = new ProgramChoice(request.manifest.attachPoints) } = request;
    const pinning = preparePinning(request, choice);
    const adopted = pinning?.hasSet ? adoptPinned(api, request, choice, pinning) : undefined;
    if (!adopted) pinning?.clear();
    const loaded = adopted ?? { handles: await loadFresh(api, request, choice), choice };
    return new KernelObject(request, { api, pinning, ...loaded });
  }

  /** Its programs: which run, which do not, and why. */
  get programs(): readonly ProgramStatus[] {
    return this.#choice.status;
  }

  /**
   * Attaches every program to what its section names, or the next variant where the kernel does not take the first, then pins;
   * does nothing when that has been done.
   * @throws ATTACH_FAILED, and what `load` throws
   */
  async attach(): Promise<void> {
    // Those of a set were attached by who made it.
    if (this.#handles.pinned) return;
    this.#attaching ??= this.#attachVariants().finally(() => {
      this.#attaching = undefined;
    });
    await this.#attaching;
  }

  async #attachVariants(): Promise<void> {
    const [api, handles] = [this.#api, this.#handles];
    while (!attachPrograms(api, handles, this.#choice, this.#sampling)) {
      const others = await loadFresh(api, this.#request!, this.#choice, handles);
      if (!handles.takeOver(api, others)) return;
    }
    // One that samples may have taken the place of one that does not.
    if (this.#choice.chosen.some(needsAgent)) this.#pinning?.refuse();
    else this.#pinning?.pin(api, handles);
  }

  /** Has attached `perf_event` programs run on the CPUs that are online now. Called from time to time. */
  followCpus(): void {
    if (this.#handles.links.size > 0)
      followOnlineCpus(this.#api, this.#handles, this.#choice, this.#sampling);
  }

  /**
   * Runs an iterator (`iter/…`) to its end.
   * @param cgroup directory to begin with, for `iter/cgroup`
   * @returns what it has written, at most `maxBytes`
   * @throws ATTACH_FAILED, SYSCALL_FAILED, OBJECT_UNREADABLE when there is no such program
   */
  async iterate(
    program: string,
    cgroup?: string,
    maxBytes: number = MAX_ITERATION_BYTES,
  ): Promise<Uint8Array<ArrayBuffer>> {
    const found = findProgram(this.#api, this.#handles.object, program);
    return runIterator(this.#api, found, cgroup, maxBytes);
  }

  /** How often its programs were left out since they were loaded, see `ProgramInfo`; undefined where that is not known. */
  get missedRuns(): number | undefined {
    return this.programInfos
      ?.map(({ recursion_misses }) => recursion_misses)
      .reduce((sum, misses) => (sum === undefined || misses === undefined ? undefined : sum + misses), 0);
  }

  /** What the kernel says of its programs, by their C name; undefined for a pinned set, of which there are links and maps only. */
  get programInfos(): readonly (ProgramInfo & { readonly program: string })[] | undefined {
    if (this.#handles.pinned) return undefined;
    const [api, handles] = [this.#api, this.#handles];
    return this.#choice.chosen.flatMap(({ program }) => {
      const find = (): Pointer => findProgram(api, handles.object, program);
      const info = programInfo(handles.programFd(api, program, find));
      return info ? [{ program, ...info }] : [];
    });
  }

  /** Its programs go on without this process: not every object that is to be pinned can be. */
  get isPinned(): boolean {
    return this.#handles.pinned;
  }

  /** Stops the programs, pinned or not; when it resolves none runs any more and the ring is final. Maps and ring stay. */
  async detach(): Promise<void> {
    // It may be loading another variant.
    await this.#attaching?.catch(() => undefined);
    this.#unpin();
    this.#handles.destroyLinks(this.#api);
    // A program that was running when its link went may go on for a while, and what it makes must still be drained.
    await waitForRunningPrograms();
  }

  /** Frees programs, maps and ring, pinned or not; must be the last call. */
  unload(): void {
    this.#unpin();
    this.release();
  }

  /** The same, but what is pinned goes on without this process. */
  release(): void {
    this.#handles.close(this.#api);
  }

  /** File descriptor of a map; belongs to the object, do not close it. Undefined when the object has no such map. */
  mapFd(name: string): number | undefined {
    return this.#handles.mapFd(this.#api, name);
  }

  /**
   * Lets one of `every` events through from now on; the others are counted as rate limited.
   * @param every 1 lets all through, at most 2^32 - 1
   * @returns false when the object makes no events
   */
  setSampling(every: number): boolean {
    return setSampling(this.#api, this.#handles.object, every);
  }

  #unpin(): void {
    if (!this.#handles.pinned) return;
    this.#pinning?.clear();
    this.#handles.pinned = false;
  }
}

function preparePinning(request: LoadRequest, choice: ProgramChoice): Pinning | undefined {
  const { manifest, pin } = request;
  if (!pin) return undefined;
  const pinning = Pinning.prepare(manifest.collector, pin, request);
  if (!choice.chosen.some(needsAgent)) return pinning;
  pinning?.refuse();
  return undefined;
}

/** @returns undefined when the set is damaged */
function adoptPinned(
  api: Libbpf,
  request: LoadRequest,
  choice: ProgramChoice,
  pinning: Pinning,
): { readonly handles: Handles; readonly choice: ProgramChoice } | undefined {
  using opened = new DisposableStack();
  const handles = opened.adopt(openHandles(api, request), (those) => those.close(api));
  const adopted = choice.copy();
  if (!pinning.adopt(api, handles, adopted)) return undefined;
  // The agent that left it may have been throttling.
  setSampling(api, handles.object, 1);
  opened.move();
  return { handles, choice: adopted };
}
