/**
 * The thread `containers`: follows the cgroup tree, asks the sources, and tells every other thread.
 *
 *   kernel ──► tracker ─┐                 ┌─► collectors     (described, gone; answers)
 *   files  ──► tracker ─┼──► registry ────┼─► prometheus     (the list for metrics)
 *   sockets ─► sources ─┘                 └─► supervisor     (document, state)
 */
import type { MessagePort } from 'node:worker_threads';
import { RingWakes } from '../actor/ring-wakes.ts';
import { HuatuoError } from '../error.ts';
import { type Hierarchy, readHierarchies } from '../procfs/cgroup-hierarchies.ts';
import type { EventLayout } from '../schema/manifest.ts';
import type { HostPaths, Log } from '../sdk/context.ts';
import type { ContainersConfig } from './config.ts';
import { type ContainersDocument, containersDocument } from './document.ts';
import type { CgroupFeed } from './feed.ts';
import type { FromContainers, ResolveRequest } from './protocol.ts';
import { ContainerRegistry } from './registry.ts';
import { openSources } from './sources/open.ts';
import { type RunnerOptions, SourceRunner, type SourceStatus } from './sources/runner.ts';
import { CgroupTracker } from './tracker.ts';

export interface ContainersOptions {
  /** Layout of the records of bpf/agent/cgroups.bpf.c, and `RingWakes` of their ring. */
  readonly feed?: { readonly layout: EventLayout; readonly wakes: SharedArrayBuffer };
  readonly config: ContainersConfig;
  readonly paths: HostPaths;
}

/** How containers are known: part of `/api/v1/status`. */
export interface ContainersStatus {
  readonly containers: number;
  readonly units: number;
  /** Of them, those that have series of their own. */
  readonly units_with_series: number;
  /** Starts of units that have no series because there are `containers.units.max`. */
  readonly refused_units: number;
  /** Gone, and still resolvable. */
  readonly gone: number;
  /** `tracepoints`, or `walks` where the kernel or the permissions do not allow those. */
  readonly followed_by: 'tracepoints' | 'walks';
  /** Why not by tracepoints, or what part of the tree is not known. */
  readonly reason?: string;
  /** Cgroups for which there was no room: they are unknown. */
  readonly refused_cgroups: number;
  /** Cgroups that were asked for and had not been resolved before. */
  readonly questions: number;
  /** Questions to which neither the tree nor any process gave an answer. */
  readonly unknown: number;
  readonly sources: readonly SourceStatus[];
}

/** Control calls, supervisor → containers. */
export interface ContainersControl {
  /** Serves a reader on `port`, which is transferred; a second call for the same name replaces it. */
  connect(reader: string, port: MessagePort): void;
  forget(reader: string): void;
  status(): ContainersStatus;
  document(): ContainersDocument;
  close(): void;
}

/** Questions that wait for a walk; whoever asked has given up long before there are as many. */
const MAX_WAITING = 4096;
/** How late readers may learn of a new container; a question is answered at once. */
const TICK_MS = 200;
/** What is gone is looked at so often, until it may be forgotten. */
const GONE_TICK_MS = 10_000;

export class ContainersActor implements ContainersControl {
  readonly #registry: ContainerRegistry;
  readonly #tracker: CgroupTracker;
  readonly #sources: readonly SourceRunner[];
  readonly #readers = new Map<string, MessagePort>();
  #tick: NodeJS.Timeout | undefined;
  #due_ms = Number.POSITIVE_INFINITY;
  #closed = false;
  readonly #reason: string | undefined;
  readonly #waiting: {
    readonly port: MessagePort;
    readonly request: ResolveRequest;
    readonly asked_ms: number;
  }[] = [];
  #questions = 0;
  #unknown = 0;

  /**
   * Knows what is there when it returns; asks the sources afterwards.
   * @param feed of the kernel (`openFeed`); without it the tree is walked
   */
  constructor({ config, paths, feed: ring }: ContainersOptions, log: Log, feed?: CgroupFeed | HuatuoError) {
    const { hierarchies, reason } = hierarchiesOrNone(paths, log);
    this.#reason = reason;
    const onDetails: RunnerOptions['onDetails'] = (source, details) => {
      this.#tracker.adopt(this.#registry.describe(source, details));
      this.#publish();
      this.#tickIn(TICK_MS);
    };
    const { refresh_ms, timeout_ms, keep_gone_ms: keepGone_ms, labels, units } = config;
    this.#sources = openSources(config, paths.procfs).map(
      (source) => new SourceRunner(source, { refresh_ms, timeout_ms, log, onDetails }),
    );
    const sources = this.#sources.map(({ key }) => key);
    this.#registry = new ContainerRegistry({ hierarchies, keepGone_ms, labels, sources, units });
    this.#tracker = new CgroupTracker({
      registry: this.#registry,
      hierarchies,
      paths,
      log,
      ...(feed && { feed }),
    });
    for (const source of this.#sources) source.start();
    this.#tickIn(TICK_MS);
    if (ring) void this.#listen(new RingWakes(ring.wakes));
  }

  connect(reader: string, port: MessagePort): void {
    this.forget(reader);
    this.#readers.set(reader, port);
    port.on('message', (request: ResolveRequest) => {
      this.#questions += 1;
      this.#answer(port, request, performance.now());
      // What was found on the way is news to the others.
      this.#tickIn(TICK_MS);
    });
    // A reader that has ended is not told any more.
    port.on('close', () => this.#readers.get(reader) === port && this.#readers.delete(reader));
    const { containers: upserts, units } = this.#registry;
    port.postMessage({
      type: 'changed',
      upserts,
      units,
      removed: [],
      reassigned: false,
    } satisfies FromContainers);
  }

  forget(reader: string): void {
    this.#readers.get(reader)?.close();
    this.#readers.delete(reader);
  }

  status(): ContainersStatus {
    const { following, complaint } = this.#tracker;
    const { counts } = this.#registry;
    const reasons = [
      this.#reason,
      following.by === 'walks' ? following.reason?.message : undefined,
      complaint,
    ];
    const reason = reasons.filter(Boolean).join('; ');
    return {
      ...counts,
      followed_by: following.by,
      ...(reason !== '' && { reason }),
      questions: this.#questions,
      unknown: this.#unknown,
      sources: this.#sources.map(({ status }) => status),
    };
  }

  document(): ContainersDocument {
    return containersDocument(this.#registry.containers, this.status());
  }

  /** Resolves when every source has answered, or failed to. */
  async asked(): Promise<void> {
    await Promise.all(this.#sources.map((source) => source.asked));
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#tick);
    for (const source of this.#sources) source[Symbol.dispose]();
    for (const reader of [...this.#readers.keys()]) this.forget(reader);
    this.#tracker[Symbol.dispose]();
  }

  /** The kernel wakes this thread for the first record in an empty ring; those of the next moment are taken in with it. */
  async #listen(wakes: RingWakes): Promise<void> {
    while (!this.#closed) {
      await wakes.woken();
      this.#tickIn(TICK_MS);
    }
  }

  #onTick(): void {
    this.#due_ms = Number.POSITIVE_INFINITY;
    this.#tracker.update();
    this.#publish();
    for (const { port, request, asked_ms } of this.#waiting.splice(0)) this.#answer(port, request, asked_ms);
    const next_ms = this.#registry.hasGone ? GONE_TICK_MS : Number.POSITIVE_INFINITY;
    const busy = this.#waiting.length > 0 || this.#tracker.isBusy;
    this.#tickIn(busy ? TICK_MS : Math.min(next_ms, this.#tracker.nextWalkIn_ms));
  }

  /** The earliest tick that is asked for counts. */
  #tickIn(delay_ms: number): void {
    const due_ms = performance.now() + delay_ms;
    if (this.#closed || due_ms >= this.#due_ms) return;
    clearTimeout(this.#tick);
    this.#due_ms = due_ms;
    this.#tick = setTimeout(() => this.#onTick(), delay_ms);
  }

  #answer(port: MessagePort, request: ResolveRequest, asked_ms: number): void {
    const { id, cgroupId, controller } = request;
    let owner = this.#registry.owner(cgroupId, controller);
    if (owner.type === 'unknown') {
      const certain = this.#tracker.catchUp(asked_ms);
      owner = this.#registry.owner(cgroupId, controller);
      if (owner.type === 'unknown' && !certain) {
        if (this.#waiting.length < MAX_WAITING) this.#waiting.push({ port, request, asked_ms });
        return;
      }
    }
    if (owner.type === 'unknown') {
      this.#tracker.lookAtProcesses();
      owner = this.#registry.owner(cgroupId, controller);
    }
    if (owner.type === 'unknown') {
      this.#unknown += 1;
      this.#registry.toldUnknown(cgroupId, controller);
    }
    // The list comes first: a reader that knows an owner which is not on it takes it for gone.
    if (owner.type === 'container') this.#publish();
    port.postMessage({ type: 'resolved', id, owner } satisfies FromContainers);
  }

  #publish(): void {
    const { upserts, units, removed, reassigned } = this.#registry.takeChanges();
    if (upserts.length + units.length + removed.length === 0 && !reassigned) return;
    for (const port of this.#readers.values())
      port.postMessage({ type: 'changed', upserts, units, removed, reassigned } satisfies FromContainers);
    if (upserts.some(({ name, id }) => id.startsWith(name)))
      for (const source of this.#sources) source.hurry();
  }
}

/** Without a cgroup file system there are no containers to be known, and everything else goes on. */
function hierarchiesOrNone(
  paths: HostPaths,
  log: Log,
): { hierarchies: readonly Hierarchy[]; reason?: string } {
  try {
    return { hierarchies: readHierarchies(paths.procfs) };
  } catch (thrown) {
    const error = HuatuoError.from(thrown, 'SOURCE_UNREADABLE', 'check path.procfs');
    log.warn('containers cannot be known', { error });
    return { hierarchies: [], reason: error.message };
  }
}
