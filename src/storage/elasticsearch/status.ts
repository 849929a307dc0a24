import type { WireError } from '../../error.ts';
import type { StreamCounts } from './counts.ts';
import type { HealthState } from './health.ts';

/** What the actor tells of itself; shown in `/api/v1/status`. */
export interface ElasticsearchStatus {
  readonly state: HealthState;
  /** When it came into that state; RFC 3339, UTC. */
  readonly since: string;
  /** URL of the node that is asked next. */
  readonly host: string;
  readonly error?: Pick<WireError, 'code' | 'message' | 'remedy'>;
  readonly product?: { readonly name: string; readonly version: string };
  /** Bulk requests that may run at a time now. */
  readonly requests_allowed: number;
  /** In a row. */
  readonly failures: number;
  readonly dead_letters_expired: number;
  readonly latency: { readonly counts: readonly number[]; readonly sum_seconds: number };
  readonly streams: readonly StreamStatus[];
}

export interface StreamStatus extends Readonly<StreamCounts> {
  readonly tracer: string;
  /** Documents before the cursor, since the journal began. */
  readonly sequence: number;
  /** In the journal and not delivered; null when the journal does not tell. */
  readonly lag_documents: number | null;
  /** On the disk, so compressed segments count as what they take. */
  readonly lag_bytes: number;
  readonly lag_seconds: number;
}
