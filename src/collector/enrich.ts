/**
 * The slow lane: lines parsed, handed to the collector's `enrich`, and written again. Only the payload is touched; the
 * envelope stays the bytes the decoder wrote. Integers beyond 2^53 come as BigInt and are printed exactly.
 */
import type { EventData } from '../sdk/collector.ts';
import type { Log } from '../sdk/context.ts';

const PAYLOAD = Buffer.from(',"tracer_data":');
const LINE_END = 0x0a;
const INTEGER = /^-?\d+$/;

/** Node 26 has both halves of the JSON source text proposal; the library types do not yet. */
type SourceAwareJson = {
  parse(
    text: string,
    reviver: (key: string, value: unknown, context: { source?: string }) => unknown,
  ): unknown;
  rawJSON(text: string): unknown;
};
const json = JSON as unknown as SourceAwareJson;

/** Parses a payload; an integer that a double cannot hold becomes a BigInt. */
export function parsePayload(text: string): EventData {
  return json.parse(text, (_key, value, { source }) =>
    typeof value === 'number' && !Number.isSafeInteger(value) && source !== undefined && INTEGER.test(source)
      ? BigInt(source)
      : value,
  ) as EventData;
}

/** The inverse: a BigInt is printed as its digits. */
export function printPayload(event: unknown): string {
  return JSON.stringify(event, (_key, value: unknown) =>
    typeof value === 'bigint' ? json.rawJSON(value.toString()) : value,
  );
}

/** What the collector does with one event; a returned object replaces it. */
export type EnrichEvent = (event: EventData) => unknown;

/**
 * Rewrites a slice of lines. An event whose `enrich` throws is written as the kernel gave it: a bug in enrichment
 * costs context, never the event.
 */
export async function enrichLines(lines: Uint8Array, enrich: EnrichEvent, log: Log): Promise<Uint8Array> {
  const source = Buffer.from(lines.buffer, lines.byteOffset, lines.byteLength);
  const parts: Buffer[] = [];
  for (let start = 0; start < source.byteLength; ) {
    const end = source.indexOf(LINE_END, start) + 1;
    const payload = source.indexOf(PAYLOAD, start) + PAYLOAD.byteLength;
    // Copies: the view is overwritten by the next batch, and enrich may wait.
    const head = Buffer.from(source.subarray(start, payload));
    const text = source.toString('utf8', payload, end - 2);
    parts.push(head, Buffer.from(`${await enrichOne(text, enrich, log)}}\n`));
    start = end;
  }
  return Buffer.concat(parts);
}

async function enrichOne(text: string, enrich: EnrichEvent, log: Log): Promise<string> {
  try {
    const event = parsePayload(text);
    return printPayload((await enrich(event)) ?? event);
  } catch (error) {
    log.error('enrich failed; the event is written without it', { error });
    return text;
  }
}
