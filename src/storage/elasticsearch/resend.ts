/** Sends dead letters again. What became of them is remembered when all of a tracer have been sent; what is rejected again stays. */
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { StreamReader } from '../journal/reader.ts';
import { tracersIn } from '../journal/tracers.ts';
import { type Bulk, BulkBuilder } from './bulk.ts';
import { Latency, noCounts } from './counts.ts';
import type { StoredLetter } from './dead-letters.ts';
import { deliver } from './delivery.ts';
import type { Server } from './server.ts';
import type { Setup } from './setup.ts';

const FILE = '.resent.json';

/** Of one tracer: letters before `sequence` were sent again, those in `kept` in vain. */
interface Resent {
  readonly sequence: number;
  readonly kept: readonly number[];
}

export interface ResendReport {
  readonly tracer: string;
  readonly delivered: number;
  /** Were on the server already. */
  readonly deduplicated: number;
  readonly rejected: number;
  /** Are no documents. */
  readonly unsendable: number;
  /** Of the newest that was rejected. */
  readonly reason?: string;
}

/**
 * @param directory of the dead letters
 * @throws Unavailable, Refused, ItemsRefused; what was delivered before is remembered
 */
export async function resendAll(
  directory: string,
  server: Server,
  setup: Setup,
  signal: AbortSignal,
): Promise<ResendReport[]> {
  const state = readState(directory);
  const reports: ResendReport[] = [];
  for (const tracer of tracersIn(directory)) {
    const { report, resent } = await resend(directory, tracer, state[tracer], server, setup, signal);
    state[tracer] = resent;
    writeState(directory, state);
    reports.push(report);
  }
  return reports;
}

interface Letter {
  readonly sequence: number;
  readonly stored: StoredLetter;
}

async function resend(
  directory: string,
  tracer: string,
  before: Resent = { sequence: 0, kept: [] },
  server: Server,
  setup: Setup,
  signal: AbortSignal,
): Promise<{ readonly report: ResendReport; readonly resent: Resent }> {
  const reader = new StreamReader(join(directory, tracer), 'start');
  const known = new Set(before.kept);
  const kept: number[] = [];
  const counts = noCounts();
  let unsendable = 0;
  let reason: string | undefined;
  try {
    for (let block = await reader.next(); block; block = await reader.next()) {
      const letters = lettersIn(block.lines, block.start.sequence).filter(
        ({ sequence }) => sequence >= before.sequence || known.has(sequence),
      );
      const sendable = letters.filter(({ stored }) => stored.event_id !== '' && stored.encoding === 'utf8');
      unsendable += letters.length - sendable.length;
      while (sendable.length > 0) {
        const batch = sendable.splice(0, server.config.bulk_documents);
        const load = loadOf(batch);
        await setup.ensure(tracer, signal);
        const context = { tracer, server, counts, latency: new Latency(), tooLong: () => undefined };
        // Whatever the layout: they may have been delivered by an earlier try.
        const rejected = await deliver(context, load, server.config.layout === 'data_stream', signal);
        const ids = new Set(rejected.map(({ id }) => id));
        kept.push(...batch.filter(({ stored }) => ids.has(stored.event_id)).map(({ sequence }) => sequence));
        reason = rejected.at(-1)?.reason ?? reason;
      }
    }
    const { shipped: delivered, deduplicated } = counts;
    const report = { tracer, delivered, deduplicated, rejected: kept.length, unsendable };
    return {
      report: { ...report, ...(reason !== undefined && { reason }) },
      resent: { sequence: reader.place.sequence, kept },
    };
  } finally {
    await reader.close();
  }
}

function loadOf(letters: readonly Letter[]): Bulk {
  const builder = new BulkBuilder(Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY);
  for (const { stored } of letters) builder.add(Buffer.from(`${stored.document}\n`));
  return builder.finish();
}

function lettersIn(lines: Buffer, first: number): Letter[] {
  const texts = lines.toString('utf8').split('\n').slice(0, -1);
  return texts.flatMap((text, index) => {
    try {
      return [{ sequence: first + index, stored: JSON.parse(text) as StoredLetter }];
    } catch {
      return [];
    }
  });
}

function readState(directory: string): Record<string, Resent> {
  try {
    return JSON.parse(readFileSync(join(directory, FILE), 'utf8')) as Record<string, Resent>;
  } catch {
    // Without it everything is sent again, and found to be there.
    return {};
  }
}

function writeState(directory: string, state: Readonly<Record<string, Resent>>): void {
  const path = join(directory, FILE);
  writeFileSync(`${path}.tmp`, JSON.stringify(state), { mode: 0o600, flush: true });
  renameSync(`${path}.tmp`, path);
}
