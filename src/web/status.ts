import type { ActorStatus, StatusError } from '../actor/state.ts';
import type { ContainersStatus } from '../containers/actor.ts';
import type { ElasticsearchStatus } from '../storage/elasticsearch/status.ts';
import type { JournalStatus } from '../storage/journal/actor.ts';

/**
 * `ready`: every enabled collector runs that this kernel has something for, and what it makes is kept. `degraded`: alive, but at least one has failed or is throttled,
 * or the journal refuses documents, does not reach the disk, or has lost some in the last five minutes.
 */
export type AgentState = 'starting' | 'ready' | 'degraded' | 'stopping';

export interface AgentStatus {
  readonly version: string;
  /** RFC 3339, UTC. */
  readonly started_at: string;
  readonly state: AgentState;
  /** Node's version. */
  readonly node: string;
  /** Kernel release. */
  readonly kernel: string;
  readonly hostname: string;
  readonly region: string;
  readonly pid: number;
}

/** Accounting of one collector that makes documents, from its ring or by `ctx.save`. Counts are u64, as decimal strings: JSON numbers end at 2^53. */
export interface LedgerStatus {
  readonly collector: string;
  readonly produced: string;
  /** Of these, documents that it made itself. */
  readonly saved_produced: string;
  readonly journalled: string;
  readonly dropped_ring_full: string;
  readonly rate_limited: string;
  readonly malformed: string;
  /**
   * Saved documents that were not JSON, past the bound on pending ones, refused by the journal, cut off by a stop, lost with a
   * worker; and documents that are longer than any the journal can take.
   */
  readonly dropped_invalid: string;
  readonly dropped_overloaded: string;
  readonly dropped_refused: string;
  readonly dropped_cancelled: string;
  readonly dropped_lost: string;
  readonly dropped_oversized: string;
  /** In the kernel's ring, not yet committed. */
  readonly pending_bytes: string;
  /** produced − (journalled + rate_limited + malformed + all that was dropped); 0 when nothing is pending. */
  readonly difference: string;
}

/** A collector that runs as a task on the metrics pool: it has no thread of its own, so no state and no restarts. */
export interface PooledStatus {
  readonly name: string;
  /** When it was scraped last; RFC 3339, UTC. Undefined until it has been. */
  readonly scraped_at?: string;
  /** Whether it gave all its samples then: `huatuo_bamai_scrape_collector_success`. */
  readonly success?: boolean;
  readonly error?: Pick<StatusError, 'code' | 'message'>;
}

export interface StatusDocument {
  readonly agent: AgentStatus;
  readonly actors: readonly ActorStatus[];
  readonly ledger: readonly LedgerStatus[];
  /** Undefined until the thread that scrapes them has answered once. */
  readonly pooled?: readonly PooledStatus[];
  /** Undefined until the thread that knows them has answered once. */
  readonly containers?: ContainersStatus;
  /** The same of the thread that keeps documents: what became of them after they were journalled. */
  readonly journal?: JournalStatus;
  /** The same of the thread that ships documents. */
  readonly elasticsearch?: ElasticsearchStatus;
}
