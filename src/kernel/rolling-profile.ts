/**
 * The profile that never ends (bpf/agent/profile_rolling.bpf.c): what ran on the host within the last window or two, for captures
 * to see what was before them. It lives in the main thread, so it outlives every worker.
 *
 *   every look: processes that are new ──► where they have code
 *   every window: the older one is emptied, and counts from then on
 *   rolled(subject): both windows, those stacks of them that are of the subject
 */
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { allBatches, batchesOf, type MapBatch, type ReadBatch } from '../decoder/maps.ts';
import { KnownMappings, type Processes } from '../profile/known-mappings.ts';
import { PRECAPTURE_HZ, type ProfileSubject, type RolledProfile } from '../profile/protocol.ts';
import {
  cgroupPaths,
  hierarchyOf,
  membership,
  type RolledStack,
  stacksOf,
  toBatch,
} from '../profile/rolling-wire.ts';
import { rawCounts, rawProcesses } from '../profile/wire.ts';
import { limitConcurrency } from '../promises.ts';
import { agentObject, word } from './agent-object.ts';
import type { KernelPaths } from './features.ts';
import { profileLookups } from './lookup-calls.ts';
import { KernelOwner } from './object-owner.ts';
import { ONLINE_CPUS, readOnlineCpus } from './sampling.ts';

/** What is kept is between one window and two. */
const WINDOW_SECONDS = 15;
const LOOK_MS = 250;
/** Of each window: 25 MB of the kernel's memory. */
const MAX_STACKS = 16_384;
/** That are given to one capture: 12 MB. */
const MAX_ROLLED = 8192;

type Counts = ReturnType<typeof rawCounts>;
type Window = 0 | 1;

/** When a window began to count, and what had been counted until then. */
interface WindowStart {
  readonly at_ms: number;
  readonly counts: Counts;
}

const NOTHING: Counts = { samples: 0, lost: 0, idle: 0 };

export class RollingProfile {
  readonly #owner: KernelOwner;
  readonly #window_ms: number;
  readonly #known: KnownMappings;
  readonly #stop = new AbortController();
  readonly #inTurn = limitConcurrency(1);
  readonly #starts: [WindowStart | undefined, WindowStart | undefined];
  #active: Window = 0;
  readonly #running: Promise<void>;

  private constructor(
    owner: KernelOwner,
    { procfs }: KernelPaths,
    windowSeconds: number,
    failed: (error: unknown) => void,
  ) {
    this.#owner = owner;
    this.#window_ms = windowSeconds * 1000;
    this.#known = new KnownMappings(profileLookups(procfs, () => undefined));
    this.#starts = [{ at_ms: performance.now(), counts: NOTHING }, undefined];
    this.#running = this.#run().catch(failed);
  }

  /**
   * Loads and attaches it.
   * @param failed called when it ends for another reason than `stop`
   * @param windowSeconds for tests
   * @throws what keeps it from being loaded
   */
  static async start(
    paths: KernelPaths,
    failed: (error: unknown) => void,
    windowSeconds: number = WINDOW_SECONDS,
  ): Promise<RollingProfile> {
    const entries = stackEntries(readOnlineCpus(ONLINE_CPUS).length);
    const owner = new KernelOwner({
      ...agentObject('profile_rolling'),
      options: {},
      sampledEvent: { type: 'clock', per_second: PRECAPTURE_HZ },
      mapEntries: { stacks_0: entries, stacks_1: entries },
      paths,
    });
    try {
      await owner.calls.load();
      await owner.calls.attach();
    } catch (error) {
      await owner.release();
      throw error;
    }
    return new RollingProfile(owner, paths, windowSeconds, failed);
  }

  /** Samples of the host since it began, and of them those for which there was no room. */
  async counts(): Promise<Counts> {
    return rawCounts(await this.#owner.calls.mapBatch('counts', undefined));
  }

  /**
   * What is known of a subject now. Processes that have ended are in it.
   * @returns undefined for a container that is not known by its cgroup of the controller cpu
   */
  rolled(subject: ProfileSubject): Promise<RolledProfile | undefined> {
    return this.#inTurn(() => this.#read(subject));
  }

  /** Frees what the kernel holds for it. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
    await this.#inTurn(() => this.#owner.release());
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      await sleep(LOOK_MS, undefined, { signal }).catch(() => undefined);
      if (!signal.aborted) await this.#inTurn(() => this.#turn());
    }
  }

  async #turn(): Promise<void> {
    await this.#known.look(await this.#processes(this.#active));
    const start = this.#starts[this.#active];
    if (start && performance.now() - start.at_ms >= this.#window_ms) await this.#rotate();
  }

  async #rotate(): Promise<void> {
    const next = other(this.#active);
    this.#starts[next] = undefined;
    await this.#owner.empty(`stacks_${next}`);
    await this.#owner.empty(`processes_${next}`);
    await this.#owner.calls.mapUpdate('active', word(0), word(next));
    this.#starts[next] = { at_ms: performance.now(), counts: await this.counts() };
    this.#known.keep(await this.#processes(this.#active));
    this.#active = next;
    this.#owner.followCpus();
  }

  async #read(subject: ProfileSubject): Promise<RolledProfile | undefined> {
    const processes = new Map([
      ...(await this.#processes(other(this.#active))),
      ...(await this.#processes(this.#active)),
    ]);
    await this.#known.look(processes);
    const [now_ms, counts] = [performance.now(), await this.counts()];
    const stacks = await this.#stacks(subject);
    if (!stacks) return undefined;
    const kept = stacks.toSorted((a, b) => b.samples - a.samples).slice(0, MAX_ROLLED);
    const pids = new Set(kept.map(({ pid }) => pid));
    // For what those that still run have loaded since.
    await this.#known.lookAgain(new Map([...processes].filter(([pid]) => pids.has(pid))));
    const begin = this.#starts[other(this.#active)] ?? this.#starts[this.#active];
    const seconds = begin ? (now_ms - begin.at_ms) / 1000 : 0;
    const samples = sum(stacks);
    const lost = counts.lost - (begin?.counts.lost ?? 0) + samples - sum(kept);
    return {
      seconds,
      started_unix_ns: BigInt(Math.round(Date.now() - seconds * 1000)) * 1_000_000n,
      stacks: [toBatch(kept)],
      processes: [...processes].filter(([pid]) => pids.has(pid)),
      mappings: [...this.#known.mappings.values()].filter(({ process }) => pids.has(process)),
      samples: subject.type === 'host' ? counts.samples - (begin?.counts.samples ?? 0) : samples,
      lost,
      idle: subject.type === 'host' ? counts.idle - (begin?.counts.idle ?? 0) : 0,
    };
  }

  /** Of both windows. */
  async #stacks(subject: ProfileSubject): Promise<RolledStack[] | undefined> {
    const paths = cgroupPaths(await this.#all('cgroups'));
    const found: RolledStack[] = [];
    for (const window of [0, 1] as const) {
      for await (const batch of batchesOf(this.#batch(`stacks_${window}`))) {
        const isOf = membership(subject, paths, hierarchyOf(batch));
        if (!isOf) return undefined;
        found.push(...stacksOf(batch, isOf));
      }
    }
    return found;
  }

  async #processes(window: Window): Promise<Processes> {
    const batches = await this.#all(`processes_${window}`);
    return new Map(batches.flatMap((batch) => [...rawProcesses(batch)]));
  }

  #all(map: string): Promise<MapBatch[]> {
    return allBatches(this.#batch(map));
  }

  /** A turn of the main thread for each. */
  #batch(map: string): ReadBatch {
    return async (position) => {
      if (position) await nextTurn();
      return this.#owner.calls.mapBatch(map, position);
    };
  }
}

/** As many as a window can have samples, and a half more: a frequency is kept on average. */
function stackEntries(cpus: number): number {
  return Math.min(MAX_STACKS, Math.ceil(1.5 * PRECAPTURE_HZ * WINDOW_SECONDS * cpus));
}

function other(window: Window): Window {
  return window === 0 ? 1 : 0;
}

function sum(stacks: readonly RolledStack[]): number {
  return stacks.reduce((total, { samples }) => total + samples, 0);
}
