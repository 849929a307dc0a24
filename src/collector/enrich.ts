/**
 * The slow lane: lines parsed, handed to the collector's `enrich`, and written again. Only the payload is touched; the
 * envelope stays the bytes the decoder wrote. Integers beyond 2^53 come as BigInt and are printed exactly.
 */
import { jsonText, parseExactly } from '../decoder/json-text.ts';
import type { EventData } from '../sdk/collector.ts';
import type { Log } from '../sdk/context.ts';
import { eventIdOf } from './parts.ts';

const PAYLOAD = Buffer.from(',"tracer_data":');
const LINE_END = 0x0a;

/** What the collector does with one event; a returned object replaces it. */
export type EnrichEvent = (event: EventData) => unknown;

interface EnrichOptions {
  readonly enrich: EnrichEvent;
  readonly log: Log;
  /** Longest line that the journal takes. */
  readonly limit_bytes: number;
  /** Called for each event that is written as the kernel gave it after all. */
  readonly failed: () => void;
}

/**
 * Rewrites a slice of lines. An event whose `enrich` throws, returns what is no JSON object, or makes more of it than the
 * journal takes is written as the kernel gave it: a bug in enrichment costs context, never the event.
 * @returns one buffer for each line
 */
export async function enrichLines(lines: Uint8Array, options: EnrichOptions): Promise<Buffer[]> {
  // A copy: the view is overwritten by the next batch, and enrich may wait.
  const source = Buffer.from(lines);
  const enriched: Buffer[] = [];
  for (let start = 0; start < source.byteLength; ) {
    const end = source.indexOf(LINE_END, start) + 1;
    enriched.push(await enrichOne(source.subarray(start, end), options));
    start = end;
  }
  return enriched;
}

async function enrichOne(line: Buffer, { enrich, log, limit_bytes, failed }: EnrichOptions): Promise<Buffer> {
  // The last one: a container may have a label of that name, the struct of a program has no such member.
  const payload = line.lastIndexOf(PAYLOAD) + PAYLOAD.byteLength;
  try {
    const event = parseExactly(line.toString('utf8', payload, line.length - 2)) as EventData;
    const text = jsonText((await enrich(event)) ?? event);
    if (!text?.startsWith('{')) throw new TypeError('enrich returned what is no JSON object');
    const bytes = payload + Buffer.byteLength(text) + 2;
    if (bytes <= limit_bytes) return Buffer.concat([line.subarray(0, payload), Buffer.from(`${text}}\n`)]);
    log.error('an enriched document is too large for the journal; the event is written without it', {
      event_id: eventIdOf(line),
      bytes,
      limit_bytes,
    });
  } catch (error) {
    log.error('enrich failed; the event is written without it', { event_id: eventIdOf(line), error });
  }
  failed();
  return line;
}
