/**
 * The configuration as the agent uses it: complete, checked, every duration in `_ms` (options of BPF programs: `_ns`),
 * every size in `_bytes`. Plain data, so it crosses threads as it is. What the user writes is in `schema.ts`.
 */

import type { ContainersConfig } from '../containers/config.ts';
import type { LogConfig } from '../log.ts';
import type { ElasticsearchConfig } from '../storage/elasticsearch/config.ts';

export interface EffectiveConfig {
  /** Written into every document and put on every `huatuo_bamai_` metric. */
  readonly region: string;
  /** Written beside it. Empty until the agent has put the kernel's name of this host there. */
  readonly hostname: string;
  /** It is the kernel's, and what is made meanwhile follows that. */
  readonly followsHostname?: boolean;
  readonly log: LogConfig;
  readonly web: WebConfig;
  readonly reload: ReloadConfig;
  readonly path: PathConfig;
  readonly journal: JournalConfig;
  readonly supervisor: SupervisorConfig;
  readonly ring: RingConfig;
  readonly bpf: BpfConfig;
  readonly containers: ContainersConfig;
  readonly elasticsearch: ElasticsearchConfig;
  /** One entry for each usable collector of the catalog, enabled or not, by its name (never an alias). */
  readonly collectors: Readonly<Record<string, CollectorConfig>>;
}

export interface WebConfig {
  /** Host name or address without brackets; `::` when only a port was given (all interfaces). */
  readonly host: string;
  /** 0 lets the kernel choose. */
  readonly port: number;
  /** Other names by which the agent may be asked; `.example.com` is every name below it. */
  readonly hosts: readonly string[];
  readonly scrape_timeout_ms: number;
  /** Absolute path of a web configuration file as exporters take it; empty for plain HTTP without users. */
  readonly config_file: string;
}

/** Who may tell the agent to read its configuration again. */
export interface ReloadConfig {
  /** Path of the socket; empty for the one in the journal's directory. */
  readonly socket: string;
  /** The group is that of the socket's directory. */
  readonly access: 'user' | 'group';
}

interface PathConfig {
  readonly procfs: string;
  readonly sysfs: string;
  /** Directories with the user's own collectors, absolute. */
  readonly collectors: readonly string[];
}

export interface JournalConfig {
  readonly directory: string;
  /** A segment is closed when the lines in it have reached this size. */
  readonly segment_bytes: number;
  /** Segments kept for each tracer; compressed ones are more. */
  readonly segments: number;
  /** Bound over all tracers; never below `segment_bytes`. */
  readonly total_bytes: number;
  readonly fsync_interval_ms: number;
  /** Of full segments, or of the one in use too. */
  readonly compression: 'off' | 'sealed' | 'live';
}

export interface SupervisorConfig {
  /** More restarts than this within `restart_window_ms` make an actor failed. */
  readonly restarts: number;
  readonly restart_window_ms: number;
  readonly backoff_min_ms: number;
  readonly backoff_max_ms: number;
  /** A failed actor is tried again after this time. */
  readonly failed_retry_ms: number;
  /** An actor whose heartbeat stands still for so long is hung. */
  readonly heartbeat_timeout_ms: number;
  /** An actor that does not work so long after its start is hung: loading modules and passing the verifier take their time. */
  readonly start_timeout_ms: number;
  /** Time for an orderly stop of the whole agent. */
  readonly stop_timeout_ms: number;
  /** Resident memory of the process above which the thread that has grown most is replaced. */
  readonly memory_limit_bytes: number;
}

export interface BpfConfig {
  /** Rings, maps and links outlive the agent, and the next one goes on with them. */
  readonly pin: boolean;
  /** On a BPF file system. */
  readonly pin_directory: string;
  /** Runs of BPF programs are measured while the agent runs. */
  readonly stats: boolean;
}

export interface RingConfig {
  /** Oldest age an event may reach before the collector looks at its ring. */
  readonly wakeup_age_ms: number;
  /** Size of one batch buffer. */
  readonly batch_bytes: number;
  /** Batches sent to the journal and not answered yet, for each collector. */
  readonly batches_in_flight: number;
}

export interface CollectorConfig {
  readonly enabled: boolean;
  /** Unlimited for metric collectors over files, which run on the shared pool. */
  readonly cpu: CpuFence;
  /**
   * Options of the BPF object under their C names (`threshold_ns`), ready for its `.rodata`; options of the module as
   * its own schema returns them.
   */
  readonly options: Readonly<Record<string, unknown>>;
}

export interface CpuFence {
  /** CPU numbers; empty means all. */
  readonly affinity: readonly number[];
  readonly nice: number;
  /** CPUs' worth of time: 0.5 is half of one; undefined is unlimited. */
  readonly quota_cores: number | undefined;
}

/** Where a value comes from. */
export type Origin = 'default' | 'file' | 'flag';
