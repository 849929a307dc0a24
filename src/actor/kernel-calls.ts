/**
 * What a worker asks of the kernel. The supervisor answers (src/kernel/object-owner.ts): it makes every foreign call, and what
 * the kernel hands out outlives the worker that asked for it.
 */

import type { KernelSymbols } from '../decoder/kallsyms.ts';
import type { MapBatch } from '../decoder/maps.ts';
import type { DecoderMemory, DecoderNeeds } from '../decoder/memory.ts';
import type { FileSymbols } from '../decoder/symbol-tasks.ts';
import type { NetlinkNotifications, NetlinkRequests } from '../sdk/netlink.ts';

/** What a decoder works with: memory with the ring in it, and its compiled module. Nothing that has to be given back. */
export interface SharedRing extends DecoderMemory {
  /** Unique for one boot. */
  readonly mapId: number;
  /** Compiled once: code that V8 has optimised in one run of the worker is there in the next. */
  readonly module: WebAssembly.Module;
}

/** What look-ups need that is read once for the agent. Tables are shared memory, so they are searched where they are needed. */
export interface LookupCalls {
  /** @param newerThan version of what the caller has, 0 for nothing. @returns undefined when they could not be read in time */
  kernelSymbols(newerThan: number): Promise<KernelSymbols | undefined>;
  /**
   * @param process id of one that runs code of these files
   * @returns what could be found in time, in any order
   */
  fileSymbols(process: number, buildIds: readonly string[]): Promise<readonly FileSymbols[]>;
  /** Enums of the running kernel, as KERNEL_ENUM() names them: value -> name. */
  kernelEnum(name: string): Promise<Readonly<Record<string, string>>>;
  /**
   * A filter as tcpdump takes it, as instructions of classic BPF (`struct sock_filter`) for packets with an Ethernet header.
   * @throws COLLECTOR_INVALID, LIBPCAP_MISSING
   */
  compilePacketFilter(expression: string): Promise<readonly bigint[]>;
}

/** What `Netlink` of the SDK is made of. Subscriptions end with the worker's run. */
export interface NetlinkCalls extends NetlinkRequests {
  /** @returns its id. @throws SYSCALL_FAILED, COLLECTOR_INVALID */
  netlinkSubscribe(protocol: number, groups: readonly number[]): Promise<number>;
  /** Waits for the next notifications, and ends empty when the subscription does. @throws SYSCALL_FAILED, COLLECTOR_INVALID */
  netlinkReceive(subscription: number): Promise<NetlinkNotifications>;
  netlinkUnsubscribe(subscription: number): Promise<void>;
}

/** About the worker's one BPF object. All but `load` and those of `LookupCalls` need it loaded. */
export interface KernelCalls extends LookupCalls {
  /**
   * Opens, checks and loads it; does nothing when it is loaded.
   * @throws TRACEPOINT_MISSING, BTF_MISSING, LIBBPF_MISSING, LAYOUT_MISMATCH, OBJECT_UNREADABLE, VERIFIER_REFUSED, PERMISSION_DENIED, OBJECT_LOAD_FAILED
   */
  load(): Promise<void>;
  /** Attaches every program that is not attached. @throws ATTACH_FAILED */
  attach(): Promise<void>;
  /** Stops the programs; when it resolves none runs any more and the ring is final. */
  detach(): Promise<void>;
  /** Frees everything. A decoder that works in the shared ring must not be used any more. */
  unload(): Promise<void>;
  /**
   * Runs an iterator to its end. @param cgroup directory to begin with, for `iter/cgroup`
   * @throws COLLECTOR_INVALID, ATTACH_FAILED, SYSCALL_FAILED
   */
  iterate(program: string, cgroup?: string): Promise<Uint8Array>;
  /** The ring `events`; one who asks again with the same needs gets the same memory. */
  shareRing(needs: DecoderNeeds): Promise<SharedRing>;
  /** As those of `MapAccess`, for the map of that name. @throws SYSCALL_FAILED, COLLECTOR_INVALID */
  mapLookup(map: string, key: Uint8Array): Promise<Uint8Array | undefined>;
  mapBatch(map: string, position: Uint8Array | undefined): Promise<MapBatch>;
  /** The first batch of each of some maps, one after the other in one call: a scrape waits for one answer. */
  mapBatches(maps: readonly string[]): Promise<readonly MapBatch[]>;
  mapUpdate(map: string, key: Uint8Array, value: Uint8Array): Promise<void>;
  mapDelete(map: string, key: Uint8Array): Promise<boolean>;
}
