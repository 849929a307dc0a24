/**
 * Answers a decoder's questions: what the numbers in a record are called.
 *
 *   kind           answered by
 *   owner(_names)  the thread `containers`; known again at once, and told anew when more becomes known
 *   netns_owner    the containers of that namespace, by their init processes
 *   kernel_frame   the agent's table of kernel symbols, shared memory (kernel-frames.ts)
 *   user_frame     the symbols of one file, by build id (user-frames.ts)
 *   kernel_enum    the running kernel's BTF, read by the main thread
 *   block_dev, netdev, netns   files of sysfs and procfs
 *
 * Every question is answered: a number that has no name is its own. What was not known, or may be renamed, is forgotten with the
 * decoder's other answers after a while.
 */
import type { LookupCalls } from '../actor/kernel-calls.ts';
import type { ContainersClient } from '../containers/client.ts';
import type { Decoder } from '../decoder/decoder.ts';
import type { Lookup, LookupKind } from '../decoder/lookup-kinds.ts';
import { ownerFragment, ownerNames, sharedFragment } from '../decoder/owner-fragment.ts';
import { printable } from '../decoder/symbol-table.ts';
import { parseUserFrame, USER_FRAME_BYTES } from '../decoder/user-stack.ts';
import {
  blockDeviceName,
  hostNetns,
  interfaceName,
  netnsName,
  netnsOf,
  processesByNetns,
} from '../procfs/device-names.ts';
import type { Container, Owner } from '../sdk/container.ts';
import type { HostPaths } from '../sdk/context.ts';
import { KernelFrames } from './kernel-frames.ts';
import { type ProcessFrame, UserFrames } from './user-frames.ts';

interface LookupSources {
  readonly containers: ContainersClient;
  readonly kernel: LookupCalls;
  readonly paths: HostPaths;
}

const REFRESH_MS = 60_000;
/** What has no name now may have one soon: a namespace is made before it is named, and before a process is in it. */
const UNKNOWN_MS = 5_000;
const MAX_NAME_BYTES = 128;
const HOST_INIT = 1;

export class Lookups implements Disposable {
  readonly #decoder: Decoder;
  readonly #sources: LookupSources;
  readonly #kernelFrames: KernelFrames;
  readonly #userFrames: UserFrames;
  /** When the oldest answer was given that will not hold for good, and that was no name. */
  #passing_ms: number | undefined;
  #unknown_ms: number | undefined;
  /** A process in each network namespace, while an answer that was no name holds. */
  #inNetns: ReadonlyMap<number, number> | undefined;

  constructor(decoder: Decoder, sources: LookupSources) {
    this.#decoder = decoder;
    this.#sources = sources;
    this.#kernelFrames = new KernelFrames(sources.kernel, sources.paths.procfs);
    this.#userFrames = new UserFrames(sources.kernel);
    sources.containers.listener = {
      described: (container, cgroups) => {
        for (const { cgroupId, controller } of cgroups)
          this.#tellOwner(cgroupId, controller, { type: 'container', container });
      },
      forgotten: () => decoder.clearLookups(),
    };
  }

  /** Call it between two batches: forgets what may not be so any more. */
  refresh(): void {
    const now_ms = performance.now();
    const isOld = this.#passing_ms !== undefined && now_ms - this.#passing_ms >= REFRESH_MS;
    const isUnknown = this.#unknown_ms !== undefined && now_ms - this.#unknown_ms >= UNKNOWN_MS;
    if (!isOld && !isUnknown) return;
    this.#passing_ms = undefined;
    this.#unknown_ms = undefined;
    this.#inNetns = undefined;
    this.#decoder.clearLookups();
  }

  /** Answers all of them, those that have to wait side by side. */
  async answer(lookups: readonly Lookup[]): Promise<void> {
    const byKind = Map.groupBy(lookups, ({ kind }) => kind);
    await Promise.all(
      Array.from(byKind, ([number, questions]) =>
        this.#answerKind(this.#decoder.lookupKinds[number - 1], questions),
      ),
    );
  }

  async #answerKind(kind: LookupKind | undefined, lookups: readonly Lookup[]): Promise<void> {
    switch (kind?.type) {
      case 'owner':
      case 'owner_names':
        await Promise.all(lookups.map((lookup) => this.#answerOwner(lookup, kind)));
        return;
      case 'netns_owner':
        this.#passing_ms ??= performance.now();
        for (const lookup of lookups) this.#decoder.addLookup(lookup, this.#ownerOfNetns(Number(lookup.key)));
        return;
      case 'kernel_frame':
        return this.#tell(lookups, await this.#kernelFrames.names(lookups.map(({ key }) => key)));
      case 'user_frame':
        this.#passing_ms ??= performance.now();
        return this.#tell(lookups, await this.#userFrames.names(lookups.map(userFrameOf)));
      case 'kernel_enum': {
        const names = await this.#sources.kernel.kernelEnum(kind.name);
        for (const lookup of lookups) {
          const name = names[String(lookup.key)];
          this.#decoder.addLookup(lookup, name === undefined ? String(lookup.key) : quoted(name));
        }
        return;
      }
      case 'block_dev':
      case 'netdev':
      case 'netns':
        this.#passing_ms ??= performance.now();
        return this.#tell(
          lookups,
          lookups.map((lookup) => this.#device(kind.type, lookup)),
        );
      case undefined:
        return;
    }
  }

  #tell(lookups: readonly Lookup[], names: readonly string[]): void {
    for (const [index, lookup] of lookups.entries())
      this.#decoder.addLookup(lookup, `"${names[index] ?? ''}"`);
  }

  /** The decoder remembers what it is told; what is unknown now is told by the listener when it becomes known. */
  async #answerOwner(
    lookup: Lookup,
    kind: Extract<LookupKind, { readonly type: 'owner' | 'owner_names' }>,
  ): Promise<void> {
    const { containers } = this.#sources;
    const owner =
      containers.owner(lookup.key, kind.controller) ??
      (await containers.ownerOf(lookup.key, kind.controller));
    this.#decoder.addLookup(lookup, ownerText(kind.type, lookup.key, owner));
  }

  #tellOwner(cgroupId: bigint, controller: string | undefined, owner: Owner): void {
    for (const [index, kind] of this.#decoder.lookupKinds.entries()) {
      if ((kind.type !== 'owner' && kind.type !== 'owner_names') || kind.controller !== controller) continue;
      const lookup = { kind: index + 1, key: cgroupId, process: 0 };
      this.#decoder.addLookup(lookup, ownerText(kind.type, cgroupId, owner));
    }
  }

  #device(type: 'block_dev' | 'netdev' | 'netns', { key, process }: Lookup): string {
    const { procfs, sysfs } = this.#sources.paths;
    const number = Number(BigInt.asUintN(32, key));
    if (type === 'block_dev') return shown(blockDeviceName(sysfs, number));
    if (type === 'netns')
      return shown(
        netnsName(procfs, number) ?? this.#containerOf(number) ?? this.#unknown(`net:[${number}]`),
      );
    const pid = this.#processIn(Number(key >> 32n), process);
    return shown((pid && interfaceName(procfs, pid, number)) || this.#unknown(`if${number}`));
  }

  /** What stands for a name that is not known. */
  #unknown(number: string): string {
    this.#unknown_ms ??= performance.now();
    return number;
  }

  #containersIn(netns: number): readonly Container[] {
    return this.#sources.containers.list().filter(({ netnsInode }) => netnsInode === netns);
  }

  #containerOf(netns: number): string | undefined {
    return this.#containersIn(netns)[0]?.hostname;
  }

  /** Nothing for the host's, which containers may share. */
  #ownerOfNetns(netns: number): string {
    return netns === hostNetns(this.#sources.paths.procfs)
      ? ''
      : sharedFragment(this.#containersIn(netns)) || this.#unknown('');
  }

  /** A process whose /proc files show the namespace: that of the record, the init of the container that has it, or any other. */
  #processIn(netns: number, process: number): number | undefined {
    const { paths } = this.#sources;
    if (netns === 0 || netns === hostNetns(paths.procfs)) return HOST_INIT;
    const init = this.#containersIn(netns)[0]?.initPid;
    const isIn = (pid: number | undefined): boolean =>
      pid !== undefined && pid > 0 && netnsOf(paths.procfs, pid) === netns;
    const near = [process, init].find(isIn);
    if (near !== undefined) return near;
    this.#unknown_ms ??= performance.now();
    this.#inNetns ??= processesByNetns(paths.procfs);
    return this.#inNetns.get(netns);
  }

  [Symbol.dispose](): void {
    this.#sources.containers.listener = undefined;
  }
}

function userFrameOf({ frame = new Uint8Array(USER_FRAME_BYTES), process }: Lookup): ProcessFrame {
  return { process, ...parseUserFrame(frame) };
}

function ownerText(type: 'owner' | 'owner_names', cgroupId: bigint, owner: Owner): string {
  return type === 'owner_names' ? ownerNames(owner) : (ownerFragment(owner, cgroupId) ?? '');
}

function quoted(name: string): string {
  return `"${shown(name)}"`;
}

function shown(name: string): string {
  return printable(Buffer.from(name)).slice(0, MAX_NAME_BYTES);
}
