/** Whether a collector's events are all accounted for while it goes on making them: what the ledger lacks is what waits in the ring. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ObjectManifest } from '../../src/schema/manifest.ts';
import type { LedgerStatus, StatusDocument } from '../../src/web/status.ts';

/** linux/bpf.h BPF_RINGBUF_HDR_SZ; records begin at multiples of it. */
const RECORD_HEADER_BYTES = 8;

export interface RingAccount {
  readonly ledger: LedgerStatus;
  /** Events that are neither in the ledger nor in the ring, or documents of the ledger that the journal never had. */
  readonly missing: number;
}

/**
 * @param directory with the collector's manifest
 * @returns what a status says of the collector, whose journal is the agent's own; its parts are not of one moment, so ask again
 */
export function ringAccount(status: StatusDocument, collector: string, directory: string): RingAccount {
  const ledger = status.ledger.find((row) => row.collector === collector);
  if (!ledger) throw new Error(`the agent has no ledger of ${collector}`);
  const waiting = Number(ledger.pending_bytes) / recordBytes(directory, collector);
  const numbered = status.journal?.tracers[collector]?.sequence ?? 0;
  return {
    ledger,
    missing: Number(ledger.difference) - waiting || Number(ledger.journalled) - numbered,
  };
}

function recordBytes(directory: string, collector: string): number {
  const text = readFileSync(join(directory, `${collector}.json`), 'utf8');
  const bytes = (JSON.parse(text) as ObjectManifest).event?.bytes ?? 0;
  return Math.ceil((bytes + RECORD_HEADER_BYTES) / RECORD_HEADER_BYTES) * RECORD_HEADER_BYTES;
}
