/** What must hold when a scenario is over: the ledger closes, and the journal has each event under one id. */
import assert from 'node:assert/strict';
import type { LedgerStatus } from '../../src/web/status.ts';
import type { AgentProcess } from '../support/agent.ts';
import { readLines } from '../support/journal-reader.ts';

/** Waits until everything that was produced is committed. @returns the closed ledger */
export async function closedLedger(
  agent: AgentProcess,
  collector: string,
  produced: number,
): Promise<LedgerStatus> {
  const row = await agent.until(
    `${produced} events of ${collector} to be accounted for`,
    async () => {
      const ledger = await agent.ledger(collector);
      return ledger?.pending_bytes === '0' && ledger.produced === String(produced) ? ledger : undefined;
    },
    60_000,
  );
  assert.equal(row.difference, '0', `the ledger of ${collector} closes: ${JSON.stringify(row)}`);
  return row;
}

export interface Event {
  readonly event_id: string;
  readonly uploaded_time: string;
  readonly region: string;
  readonly sequence: number;
}

/** @throws SyntaxError when a line on disk is not whole */
export function readEvents(journal: string, collector: string): Event[] {
  return readLines(journal, collector).map((line) => {
    const { tracer_data, ...document } = JSON.parse(line) as Omit<Event, 'sequence'> & {
      tracer_data: { sequence_count: number };
    };
    const { event_id, uploaded_time, region } = document;
    return { event_id, uploaded_time, region, sequence: tracer_data.sequence_count };
  });
}

/**
 * Checks that sequence numbers have no gap from 0 on, and that every copy of an event has its one id.
 * @returns how many there are, how many of them more than once, and the most copies of one
 */
export function auditSequences(events: readonly Event[]): {
  readonly events: number;
  readonly repeated: number;
  readonly most_copies: number;
} {
  const seen = new Map<number, { readonly id: string; copies: number }>();
  let last = -1;
  for (const { sequence, event_id } of events) {
    const first = seen.get(sequence);
    if (first) {
      assert.equal(event_id, first.id, `a second copy of event ${sequence} has its id`);
      first.copies += 1;
    } else seen.set(sequence, { id: event_id, copies: 1 });
    last = Math.max(last, sequence);
  }
  assert.equal(seen.size, last + 1, 'sequence numbers without a gap');
  const copies = [...seen.values()].map((one) => one.copies);
  return {
    events: seen.size,
    repeated: copies.filter((count) => count > 1).length,
    most_copies: copies.reduce((most, count) => Math.max(most, count), 0),
  };
}
