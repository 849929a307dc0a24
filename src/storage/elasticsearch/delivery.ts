/**
 * One load of documents to its end: stored, found to be stored, or rejected for good. Whatever else happens is thrown; the stream
 * then reads the same documents again.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { HuatuoError } from '../../error.ts';
import { type Bulk, type ItemError, readAnswer } from './bulk.ts';
import type { Latency, StreamCounts } from './counts.ts';
import type { DeadLetter } from './dead-letters.ts';
import { clean, Refused, reasonOf, Unavailable } from './failure.ts';
import type { Verdict } from './limiter.ts';
import type { Server } from './server.ts';

/** Items that were refused are sent again so often before the stream takes a break. */
const MAX_TRIES = 4;
const ITEM_PAUSE_MS = 200;
/** A request that is refused whole is taken apart until so many single documents were refused: then it is not the documents. */
const MAX_WHOLE_REFUSALS = 32;

/** Errors of an item with status 400 that are not about its document. */
const NOT_THE_DOCUMENT: ReadonlySet<string> = new Set([
  'validation_exception',
  'index_closed_exception',
  'invalid_index_name_exception',
  'resource_already_exists_exception',
  'cluster_block_exception',
]);

/** Items that were refused again and again. */
class ItemsRefused extends HuatuoError {
  readonly status: number;

  constructor(count: number, { status, type, reason }: ItemError) {
    super('ELASTICSEARCH_FAILED', {
      expected: 'the server to take every document',
      found: `${count} refused with status ${status}, ${clean(`${type}: ${reason}`)}`,
      remedy: 'see the reason; they stay in the journal and are tried again',
    });
    this.status = status;
  }
}

export interface DeliveryContext {
  readonly tracer: string;
  readonly server: Server;
  readonly counts: StreamCounts;
  readonly latency: Latency;
  /** The server finds requests of this size too long. */
  tooLong(bytes: number): void;
}

/**
 * Sends a load.
 * @param doubtful the server may have some of the documents: they are asked for first
 * @returns documents that were rejected for good
 * @throws Unavailable, Refused, ItemsRefused
 */
export async function deliver(
  context: DeliveryContext,
  bulk: Bulk,
  doubtful: boolean,
  signal: AbortSignal,
): Promise<DeadLetter[]> {
  const { tracer, server, counts } = context;
  const letters: DeadLetter[] = [];
  if (!doubtful || bulk.length === 0) {
    await send(context, bulk, letters, signal);
    return letters;
  }
  const ids = Array.from({ length: bulk.length }, (_, index) => bulk.id(index));
  const there = await server.existing(tracer, ids, signal);
  counts.deduplicated += ids.filter((id) => there.has(id)).length;
  const missing = ids.flatMap((id, index) => (there.has(id) ? [] : [index]));
  await send(context, bulk.pick(missing), letters, signal);
  return letters;
}

async function send(
  context: DeliveryContext,
  bulk: Bulk,
  letters: DeadLetter[],
  signal: AbortSignal,
  tries = 1,
): Promise<void> {
  if (bulk.length === 0) return;
  const { server, tracer, counts, latency } = context;
  const started = performance.now();
  const reply = await server.bulk(tracer, bulk.body, signal);
  latency.observe((performance.now() - started) / 1000);
  counts.bytes += bulk.body.length;
  if (reply.status === 413 || reply.status === 400) {
    if (reply.status === 413) context.tooLong(bulk.body.length);
    if (letters.filter(({ type }) => type === WHOLE).length >= MAX_WHOLE_REFUSALS)
      throw server.refused(`to take documents of ${tracer}`, reply);
    if (bulk.length === 1) {
      letters.push(
        letterOf(bulk, { index: 0, status: reply.status, type: WHOLE, reason: reasonOf(reply.body) }),
      );
      return;
    }
    for (const half of bulk.halves()) await send(context, half, letters, signal, tries);
    return;
  }
  if (reply.status >= 300) throw server.refused(`to take documents of ${tracer}`, reply);
  const errors = readAnswer(reply.body, bulk.length);
  if (!errors) throw new Unavailable(server.host, new Error('an answer of another shape'));
  counts.shipped += bulk.length - errors.length;
  const again: ItemError[] = [];
  for (const error of errors) {
    if (error.status === 409) counts.deduplicated++;
    else if (error.status === 400 && !NOT_THE_DOCUMENT.has(error.type)) letters.push(letterOf(bulk, error));
    else again.push(error);
  }
  const [first] = again;
  if (!first) return;
  counts.retried += again.length;
  if (tries >= MAX_TRIES) throw new ItemsRefused(again.length, first);
  await sleep(Math.random() * ITEM_PAUSE_MS * 2 ** tries, undefined, { signal });
  await send(context, bulk.pick(again.map(({ index }) => index)), letters, signal, tries + 1);
}

const WHOLE = 'request_refused';

function letterOf(bulk: Bulk, { index, status, type, reason }: ItemError): DeadLetter {
  // A copy: the load it is a part of goes.
  return { id: bulk.id(index), status, type, reason, document: Buffer.from(bulk.document(index)) };
}

/** What a failed delivery says about the server. */
export function verdictOf(error: unknown): Verdict {
  if (error instanceof Unavailable) return { kind: 'down' };
  if (error instanceof Refused) {
    const { status, retryAfter_ms } = error;
    if (status === 429) return { kind: 'overload', retryAfter_ms };
    if (status === 401 || status >= 500) return { kind: 'down', retryAfter_ms };
  }
  if (error instanceof ItemsRefused && (error.status === 429 || error.status === 503))
    return { kind: 'overload' };
  return { kind: 'unused' };
}
