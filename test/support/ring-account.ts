/** Whether all events of a collector are accounted for, also while it goes on making some: what the ledger lacks is in the ring. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ObjectManifest } from '../../src/schema/manifest.ts';
import type { LedgerStatus, StatusDocument } from '../../src/web/status.ts';

/** linux/bpf.h BPF_RINGBUF_HDR_SZ; records begin at multiples of it. */
const RECORD_HEADER_BYTES = 8;
const EVERY_MS = 50;
/** From then on some may wait in the ring: what the host does by itself, such as softirqs, never ends. */
const EMPTY_WITHIN_MS = 5000;
const TIMEOUT_MS = 60_000;

export interface RingAccount {
  readonly ledger: LedgerStatus;
  /** Events in the ring. */
  readonly waiting: number;
  /** Events that are neither in the ledger nor in the ring, or documents of the ledger that the journal never had. */
  readonly missing: number;
}

/**
 * Asks until the ring is empty and nothing is missing. The parts of a status are not of one moment, so what is missing at one of them
 * says nothing; what is missing at all of them is the result.
 * @param status of an agent with a new journal
 * @param directory with the collector's manifest
 */
export async function settledAccount(
  status: () => Promise<StatusDocument>,
  collector: string,
  directory: string,
): Promise<RingAccount> {
  const record_bytes = recordBytes(directory, collector);
  const start = performance.now();
  for (;;) {
    const account = accountOf(await status(), collector, record_bytes);
    const passed_ms = performance.now() - start;
    const isEmpty = account.waiting === 0 || passed_ms > EMPTY_WITHIN_MS;
    if ((account.missing === 0 && isEmpty) || passed_ms > TIMEOUT_MS) return account;
    await sleep(EVERY_MS);
  }
}

function accountOf(
  { ledger, journal }: StatusDocument,
  collector: string,
  record_bytes: number,
): RingAccount {
  const row = ledger.find((one) => one.collector === collector);
  if (!row) throw new Error(`the agent has no ledger of ${collector}`);
  const waiting = Number(row.pending_bytes) / record_bytes;
  const numbered = journal?.tracers[collector]?.sequence ?? 0;
  return {
    ledger: row,
    waiting,
    missing: Number(row.difference) - waiting || Number(row.journalled) - numbered,
  };
}

function recordBytes(directory: string, collector: string): number {
  const text = readFileSync(join(directory, `${collector}.json`), 'utf8');
  const bytes = (JSON.parse(text) as ObjectManifest).event?.bytes ?? 0;
  return Math.ceil((bytes + RECORD_HEADER_BYTES) / RECORD_HEADER_BYTES) * RECORD_HEADER_BYTES;
}
