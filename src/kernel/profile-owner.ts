/**
 * The main thread's part of captures: a BPF object for each profile (bpf/agent/profile_*.bpf.c), or look at a disk
 * (disk_activity.bpf.c), that runs, loaded when it is asked for. Who asked may end at any moment; `release` frees what is left.
 */
import { HuatuoError } from '../error.ts';
import {
  HIERARCHIES,
  type ProfileCalls,
  type ProfileRequest,
  type ProfileSubject,
  type RolledProfile,
} from '../profile/protocol.ts';
import type { ProfileKind } from '../sdk/profile.ts';
import { agentObject, word } from './agent-object.ts';
import type { KernelPaths } from './features.ts';
import { lookupCalls, profileLookups } from './lookup-calls.ts';
import { KernelOwner, type ObjectSource } from './object-owner.ts';

/** Of all owners, looks at disks included: a profile holds 26 MB of the kernel's memory while it runs, a look 5 MB. */
const MAX_PROFILES = 4;
let running = 0;
/** Of shorter waits few are taken, each for many: 1 % off for each second that they take together, and 10 % for 10 ms. */
const WHOLE_WAIT_NS = 100_000n;
/** `enum profile_subject` of bpf/include/profile.h. */
const SUBJECTS = ['host', 'processes', 'cgroup'] as const;

export class ProfileOwner {
  readonly #paths: KernelPaths;
  readonly #before: () => Promise<RolledProfile | undefined>;
  readonly #running = new Map<number, KernelOwner>();
  #started = 0;
  #lookup_us = 0;

  /** @param before what `profileBefore` answers */
  constructor(paths: KernelPaths, before: () => Promise<RolledProfile | undefined> = async () => undefined) {
    this.#paths = paths;
    this.#before = before;
  }

  /** CPU time that looking for names has taken, in another thread. */
  get cpu_us(): number {
    return this.#lookup_us;
  }

  /** To be exposed on the port of who takes profiles. */
  get calls(): ProfileCalls {
    const { procfs } = this.#paths;
    return {
      kernelSymbols: lookupCalls(procfs).kernelSymbols,
      ...profileLookups(procfs, (cpu_us) => {
        this.#lookup_us += cpu_us;
      }),
      profileStart: (request) => this.#start(objectOf(request, this.#paths), request.subject),
      diskStart: (device) => this.#start(diskObject(device, this.#paths)),
      profileBefore: this.#before,
      profileRead: async (id, map, position) => this.#need(id).calls.mapBatch(map, position),
      profileEnd: async (id) => {
        const { calls, object } = this.#need(id);
        await calls.detach();
        if (object?.programs.some(({ section }) => section === 'iter/task'))
          await calls.iterate('profile_waiting');
      },
      profileFree: async (id) => {
        const owner = this.#running.get(id);
        if (owner) await this.#free(id, owner);
      },
    };
  }

  /** Stops and frees all that still run. */
  async release(): Promise<void> {
    await Promise.all(Array.from(this.#running, ([id, owner]) => this.#free(id, owner)));
  }

  async #start(source: ObjectSource, subject?: ProfileSubject): Promise<number> {
    if (running >= MAX_PROFILES)
      throw new HuatuoError('OVERLOADED', {
        expected: `at most ${MAX_PROFILES} profiles, or looks at disks, at a time`,
        found: 'one more',
        remedy: 'take them one after the other',
      });
    const id = ++this.#started;
    const owner = new KernelOwner(source);
    this.#running.set(id, owner);
    running += 1;
    try {
      const { calls } = owner;
      await calls.load();
      for (const pid of subject?.type === 'processes' ? subject.pids : [])
        await calls.mapUpdate('subject_processes', word(pid), word(1));
      await calls.attach();
      return id;
    } catch (error) {
      await this.#free(id, owner);
      throw error;
    }
  }

  async #free(id: number, owner: KernelOwner): Promise<void> {
    if (!this.#running.delete(id)) return;
    try {
      await owner.release();
    } finally {
      running -= 1;
    }
  }

  #need(id: number): KernelOwner {
    const owner = this.#running.get(id);
    if (owner) return owner;
    throw new HuatuoError('CANCELLED', {
      expected: 'a profile that runs',
      found: 'one that was freed',
      remedy: 'take it again',
    });
  }
}

const OBJECTS: Readonly<Record<ProfileKind, string>> = {
  on_cpu: 'profile_samples',
  allocations: 'profile_samples',
  off_cpu: 'profile_off_cpu',
  block: 'profile_off_cpu',
  page_cache: 'page_cache_growth',
  slab: 'slab_growth',
};

function objectOf(request: ProfileRequest, paths: KernelPaths): ObjectSource {
  const { kind, subject, hz, cpus, faultsPerSample } = request;
  const isSampled = kind === 'on_cpu' || kind === 'allocations';
  return {
    ...agentObject(OBJECTS[kind]),
    // Its stacks are in a map of their own.
    ...(kind === 'slab' && { mapEntries: { stacks: 1 } }),
    options: {
      subject_kind: BigInt(SUBJECTS.indexOf(subject.type)),
      ...(subject.type === 'cgroup' && {
        subject_cgroup: subject.inode,
        subject_hierarchy: BigInt(HIERARCHIES.indexOf(subject.hierarchy)),
      }),
      io_only: kind === 'block' ? 1n : 0n,
      whole_ns: kind === 'off_cpu' ? WHOLE_WAIT_NS : 0n,
    },
    ...(isSampled && {
      sampledEvent:
        kind === 'on_cpu'
          ? { type: 'clock', per_second: hz, cpus }
          : { type: 'page_fault', every: faultsPerSample },
    }),
    paths,
  };
}

function diskObject(device: number, paths: KernelPaths): ObjectSource {
  return { ...agentObject('disk_activity'), options: { device: BigInt(device) }, paths };
}
