/** What a collector is handed: everything it may touch, and nothing it has to clean up itself. */
import type { AnyObject, MapKey, MapValue } from './binding.ts';
import type { Container, Owner, Unit } from './container.ts';
import type { Instruments, MetricSpecs } from './metrics.ts';
import type { Netlink, NetlinkRequests } from './netlink.ts';

/** Structured log of one collector; `detail` is merged into the JSON line. */
export interface Log {
  debug(message: string, detail?: object): void;
  info(message: string, detail?: object): void;
  warn(message: string, detail?: object): void;
  error(message: string, detail?: object): void;
}

export interface Clock {
  /** CLOCK_BOOTTIME in nanoseconds: the clock of the kernel's events. */
  boottime_ns(): bigint;
  /** CLOCK_REALTIME in nanoseconds. */
  realtime_ns(): bigint;
  /** Resolves after `seconds`, or rejects with CANCELLED when the collector is stopped. */
  sleep(seconds: number): Promise<void>;
}

export interface HostPaths {
  /** Mount point of procfs: `/proc`, or the host's under a container's `/host/proc`. */
  readonly procfs: string;
  readonly sysfs: string;
}

/** Containers of this host, known by the inode of their cgroup directory. */
export interface Containers {
  /** All running containers, at most a fraction of a second old. */
  list(): readonly Container[];
  /** All running units of the host's systemd that have series, as fresh. */
  units(): readonly Unit[];
  /**
   * The container that owns this cgroup or one of its parents, also a while after it has ended; undefined for all others.
   * Asks another thread for a cgroup that was never asked for, and waits for it at most `containers.wait`.
   * @param controller whose hierarchy the id is from (`memory`, `cpu`, …): each v1 hierarchy counts its inodes by itself, so
   * without it an id that stands for two containers has no owner. Makes no difference with cgroup v2.
   */
  byCgroupId(cgroupId: bigint, controller?: string): Promise<Container | undefined>;
  /** As `byCgroupId`, and tells apart what is no container's: a unit's, the host's, and what nothing tells. */
  ownerOf(cgroupId: bigint, controller?: string): Promise<Owner>;
}

export interface SampleContext<Options> {
  readonly options: Options;
  readonly paths: HostPaths;
  readonly containers: Containers;
  readonly log: Log;
}

/** Of a metric collector's functions. */
export interface MetricContext<Options> extends SampleContext<Options> {
  /** What one call has set, the next one finds, in whichever thread it runs. On the pool, calls of one collector never run side by side. */
  readonly state: State;
  /** Requests in the network namespace of the agent. */
  readonly netlink: NetlinkRequests;
}

export interface UpdateContext<
  Options,
  Specs extends MetricSpecs,
  Sampled,
  Maps extends object = AnyObject['maps'],
> extends MetricContext<Options> {
  readonly metrics: Instruments<Specs>;
  /** The newest samples, older first; fewer than two right after the start. */
  readonly samples: readonly { readonly boottime_ns: bigint; readonly state: Sampled }[];
  /** Its own BPF object; `load` is refused when it has none. */
  readonly bpf: Bpf<Maps>;
}

export interface CollectorContext<
  Options = unknown,
  Specs extends MetricSpecs = MetricSpecs,
  Data extends object = object,
  Maps extends object = AnyObject['maps'],
> extends SampleContext<Options> {
  readonly name: string;
  readonly metrics: Instruments<Specs>;
  readonly clock: Clock;
  /** Aborts when the collector must stop; every wait of the SDK listens to it. */
  readonly signal: AbortSignal;
  readonly bpf: Bpf<Maps>;
  readonly netlink: Netlink;
  readonly state: State;
  /**
   * Writes one document. Resolves when it is in the journal; until then it counts as pending, of which there is a bound.
   * While the collector is being stopped it is tried once, so that start() may write what it has left before it returns.
   * @throws CANCELLED when the collector has been stopped, OVERLOADED when too much is pending, JOURNAL_FAILED when the
   * journal has refused it for half a minute, COLLECTOR_INVALID when `data` is not JSON. Each is counted in the ledger.
   */
  save(document: SavedDocument<Data>): Promise<void>;
}

export type Severity = 'info' | 'warning' | 'critical';

export interface SavedDocument<Data extends object = object> {
  /** Whom it is about: a container or its id, also of one that is gone, or a unit. The host without it. */
  readonly subject?: Container | Unit | string | undefined;
  /** CLOCK_BOOTTIME of what is described; now without it. */
  readonly time_ns?: bigint;
  /** Default: that of the event struct, else `info`. */
  readonly severity?: Severity;
  /** Becomes `tracer_data`. */
  readonly data: Data;
}

/** Plain data that outlives the worker thread: what one run has set, the next one finds, whatever ended the first. */
export interface State {
  /** A copy of what was set last; undefined when nothing was. The caller knows what it set. */
  get<T>(): T | undefined;
  /** Replaces it. @throws COLLECTOR_INVALID when the value cannot be cloned, or takes more than 1 MiB */
  set(value: unknown): void;
}

/**
 * Kernel access. The supervisor's thread makes the calls and holds what they return: a restarted collector finds what its
 * predecessor loaded.
 */
export interface Bpf<Maps extends object = AnyObject['maps']> {
  /** Opens and loads the collector's own `<name>.bpf.o`, with its OPTION()s set from the config. */
  load(): Promise<BpfObject<Maps>>;
  /** Enums of the running kernel, written as for KERNEL_ENUM(): value → name. */
  kernelEnum(names: string): Promise<Readonly<Record<string, string>>>;
  /**
   * Compiles a filter as tcpdump takes it, for the map of bpf/include/packet_filter.h.
   * @throws COLLECTOR_INVALID when it is none, LIBPCAP_MISSING where the library is not installed
   */
  packetFilter(expression: string): Promise<PacketFilter>;
}

/** The value of the map `packet_filter`. */
export interface PacketFilter {
  readonly length: number;
  readonly instructions: string[];
}

export interface BpfObject<Maps extends object = AnyObject['maps']> {
  /** Attaches every program to what its section names; does nothing when already attached. */
  attach(): Promise<void>;
  /** Stops the programs; maps and ring stay readable. */
  detach(): Promise<void>;
  /** Frees programs, maps and rings. */
  unload(): Promise<void>;
  /**
   * Runs an iterator (`SEC("iter/task")`) once, to its end.
   * @param program its C name
   * @param cgroup directory to begin with, for `iter/cgroup`
   * @returns what its runs have written with bpf_seq_write(), one behind the other; at most 16 MiB
   */
  iterate(program: string, cgroup?: string): Promise<Uint8Array>;
  /** The ring `events`, decoded to documents. */
  readonly events: EventRing;
  /** @throws COLLECTOR_INVALID when there is none of that name */
  map<Name extends keyof Maps & string>(name: Name): BpfMap<MapKey<Maps[Name]>, MapValue<Maps[Name]>>;
  /**
   * What a map of STACK_COUNTS() has counted up to now, by the names of functions; in no order. What did not fit is in
   * `huatuo_bpf_stack_overflows_total`. Call it while the processes live: their files have the symbols.
   * @throws COLLECTOR_INVALID when there is no such map of that name
   */
  stacks(name: keyof Maps & string): Promise<readonly FoldedStack[]>;
}

/** A stack as flame graphs take it. Stacks that differ only in places within functions are one. */
export interface FoldedStack {
  /** Functions from the outermost to the innermost: `main`, `work`, and those of the kernel as `do_syscall_64_[k]`. */
  readonly frames: readonly string[];
  /** Of the tasks that had it. */
  readonly cgroupId: bigint;
  readonly samples: number;
}

export interface EventRing {
  /**
   * Batches of finished NDJSON until the collector is stopped. Each batch is committed when the loop asks for the next
   * one; it is valid until then. A loop that is left gets its last batch again, unless it has committed that itself.
   */
  batches(): AsyncIterable<Batch>;
  /** Sends every batch to the journal until the collector is stopped: what an event collector does. */
  toJournal(): Promise<void>;
}

export interface Batch {
  /** View of whole lines, valid until the next batch. */
  readonly lines: Uint8Array;
  readonly documents: number;
  /** It is done with, whatever happens next. */
  commit(): void;
}

/** What a map holds of one container. */
export interface ContainerEntry<Key, Value> {
  readonly container: Container;
  /** That of the first of its cgroups. */
  readonly key: Key;
  /** Summed over its cgroups, and over CPUs. */
  readonly value: Value;
}

/** Keys and values have the types of the generated binding. */
export interface BpfMap<Key, Value> {
  /**
   * Entries read with the batch calls. A per-CPU map gives the sum over all CPUs: quantities add, and of what names
   * something (a pid, a cgroup, an address) stands the first that is not zero.
   */
  entries(): AsyncIterable<readonly [Key, Value]>;
  /**
   * One entry for each running container, and for each set of the key's other fields: for a map whose key is, or has, a
   * cgroup id. The type of that id says whose hierarchy it is from.
   * @throws COLLECTOR_INVALID for a key without one
   */
  byContainer(): Promise<readonly ContainerEntry<Key, Value>[]>;
  /** As `entries`, with one value for each CPU. */
  perCpuEntries(): AsyncIterable<readonly [Key, readonly Value[]]>;
  /** One value for each CPU of a per-CPU array or hash. */
  perCpu(key: Key): Promise<readonly Value[]>;
  get(key: Key): Promise<Value | undefined>;
  set(key: Key, value: Value): Promise<void>;
  /** @returns whether there was such an entry */
  delete(key: Key): Promise<boolean>;
}
