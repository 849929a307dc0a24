/** One tracer's stream as data. */

/**
 * Counters since the journal was opened, and the state now. `sequence = stored + expired + lost` holds at every moment and over
 * restarts: those four are of the whole life of the stream, as far as the names of its segments tell.
 */
export interface JournalTracerStatus {
  readonly documents: number;
  /** Of lines, as they came. */
  readonly bytes: number;
  /** What of them went to the disk: fewer than `bytes` when the segment in use is compressed. */
  readonly disk_bytes: number;
  readonly batches: number;
  /** Batches that could not be written; their senders kept them. */
  readonly refused_batches: number;
  /** Batches that were on disk already and were acknowledged without being written again. */
  readonly repeated_batches: number;
  /** Number that the next document gets: how many there were. */
  readonly sequence: number;
  /** Documents in the segments that are there. */
  readonly stored_documents: number;
  /** Documents in segments that a bound deleted, or that were deleted while no agent ran. */
  readonly expired_documents: number;
  /** Documents in segments that others deleted, renamed or cut, and in frames that are damaged. */
  readonly lost_documents: number;
  /** Documents since the journal was opened that may not be on the disk, because it failed to sync them. */
  readonly doubtful_documents: number;
  readonly torn_documents: number;
  readonly torn_bytes: number;
  readonly segments: number;
  readonly segment_bytes: number;
  /** Milliseconds since written bytes last reached the disk; null before the first time. */
  readonly fsync_age_ms: number | null;
  readonly fsync_duration_ms: number;
  readonly fsync_errors: number;
  /** Whether batches are refused, or do not reach the disk, at this moment, or documents were lost in the last five minutes. */
  readonly failing: boolean;
  /** Why the last batch was refused, what was lost just now, or why the last sync failed. */
  readonly last_error: string | null;
}
