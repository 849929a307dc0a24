/** One collector as the agent keeps it, whether it has a thread of its own or not. */
import type { KernelCalls } from '../actor/kernel-calls.ts';
import type { ActorStatus } from '../actor/state.ts';
import type { WorkerActor } from '../actor/worker-actor.ts';
import type { CatalogEntry } from '../catalog/entry.ts';
import type { ObjectSource } from '../kernel/object-owner.ts';
import type { MappedCollector } from '../map-metrics/map-source.ts';
import type { LedgerStatus } from '../web/status.ts';
import type { Legacy } from './legacy.ts';
import type { ReaderActor } from './services/services.ts';

/** Of one BPF program, while the kernel measured it. */
export interface ProgramRuns {
  /** C name. */
  readonly program: string;
  readonly runs: number;
  readonly run_ns: number;
}

/** The object of a collector whose programs run. */
export interface AttachedObject {
  /** Another one has another number. */
  readonly number: number;
  readonly calls: KernelCalls;
}

/**
 * What the supervisor asks of one at any moment, its status, ledger, costs, quota and CPUs, never throws: what cannot be had is left
 * out (Attempts), because the agent asks on timers, and for all collectors at once.
 */
export interface CollectorChild {
  readonly entry: CatalogEntry;
  /** Its threads that run or are to run again: at present there may be none. */
  readonly workers: readonly WorkerActor<object>[];
  /** Those that need a port to a service when that has started. */
  readonly readers: readonly ReaderActor[];
  /** Settles when it works, or has shown that it does not. */
  readonly settled: Promise<void>;
  start(): void;
  /** Keeps it within its CPU quota; called each second while it has one. Without it the kernel's own quota is all there is. */
  keepQuota?(): Promise<void>;
  /** The CPUs that are online may be others now. */
  followCpus?(): void;
  /** Set when maps of its object are metrics, which the Prometheus thread reads. */
  readonly mapped?: MappedCollector | undefined;
  /** What that reads from. @throws COLLECTOR_STARTING, WORKER_EXITED */
  attached?(): AttachedObject;
  /** @param withPrograms also what it takes system calls to learn of its programs, and is in no metric */
  status(withPrograms?: boolean): ActorStatus;
  /** Accounting of its documents; undefined when it makes none. */
  ledger(): LedgerStatus | undefined;
  /** What its programs have cost; undefined while none is loaded. */
  programRuns?(): readonly ProgramRuns[] | undefined;
  /** Its programs and its ring outlive the agent. To be asked before the stop, which lets go of them. */
  readonly isPinned: boolean;
  /**
   * Ends in good order.
   * @param leavePinned the agent ends, and pinned programs run on
   * @returns events and documents that are not in the journal, because that could not take them in time
   */
  stop(options?: { readonly leavePinned?: boolean }): Promise<bigint>;
  /**
   * Ends in good order for the one that takes its place, which is of the same files.
   * @param next the object that this will load; undefined when it has none
   */
  leave?(next: ObjectSource | undefined): Promise<Legacy>;
}
