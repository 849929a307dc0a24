/** What a collector's worker is given, says and can be told. */
import type { MessagePort } from 'node:worker_threads';
import type { RingConfig } from '../config/effective.ts';
import type { AgentIdentity } from '../decoder/envelope.ts';
import type { WireError } from '../error.ts';
import type { LogConfig } from '../log.ts';
import type { ObjectManifest } from '../schema/manifest.ts';
import type { CollectorKind } from '../sdk/collector.ts';
import type { HostPaths } from '../sdk/context.ts';
import type { SeriesMemory } from '../sdk/kept-series.ts';
import type { StateMemory } from '../sdk/shared-state.ts';

/** `workerData` of workers/collector.ts: plain data, shared memory and one port. */
export interface CollectorWorkerData {
  readonly name: string;
  readonly kind: CollectorKind;
  /** Absent when the `.bpf.c` is the whole collector. */
  readonly modulePath?: string;
  readonly bpf?: { readonly manifest: ObjectManifest };
  /** The collector's own options; those of the BPF object under their C names. */
  readonly options: Readonly<Record<string, unknown>>;
  readonly maxSeries: number;
  /** The Prometheus thread reads the maps that are metrics. */
  readonly isMapped: boolean;
  /** Until `start` is called again after it returned. */
  readonly interval_seconds: number;
  readonly agent: AgentIdentity;
  readonly paths: HostPaths;
  readonly ring: RingConfig;
  /** How long an event waits to learn whose it is. */
  readonly containerWait_ms: number;
  /** How long series of a container stay that a scrape has found ended. */
  readonly containerKeepGone_ms: number;
  readonly log: LogConfig;
  readonly stats: SharedArrayBuffer;
  /** `RingWakes` of its ring. */
  readonly wakes: SharedArrayBuffer;
  /** Tells documents that are saved from those of an earlier agent, or of a collector of that name that was replaced. */
  readonly saveOrigin: string;
  /** `ctx.state`. */
  readonly state: StateMemory;
  /** What its counters have reached. */
  readonly series: SeriesMemory;
  /** Comlink: answers `CollectorControl`, and with a BPF object the other end answers `KernelCalls`. */
  readonly control: MessagePort;
}

/** Control calls, supervisor → collector; every one under a deadline. */
export interface CollectorControl {
  /** Takes a new port to a service into use; `port` is transferred. A port to a service it does not read from is closed. */
  connectTo(service: string, port: MessagePort): void;
  /**
   * Detaches, unless its programs are to run on for a successor; reads what the ring holds by then, waits until the journal
   * has it.
   */
  stop(isSucceeded: boolean): Promise<void>;
}

/** Notices, collector → supervisor, on the worker's own port. */
export type CollectorNotice =
  /** The first notice: which thread this is, as in /proc/self/task. */
  | { readonly type: 'thread'; readonly tid: number }
  /** Loaded and attached; documents and samples flow. */
  | { readonly type: 'running' }
  /** `start` returned; it is called again after this many seconds. */
  | { readonly type: 'waiting'; readonly seconds: number }
  /** It cannot go on. The worker ends by itself after this notice. */
  | { readonly type: 'failed'; readonly error: WireError };
