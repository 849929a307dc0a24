/**
 * A slice of the ring as batches that the journal takes. Most slices are one batch. A longer one is cut where a record
 * begins, so each batch is a range of the ring of its own: written, committed and asked for without the others.
 */
import type { Log } from '../sdk/context.ts';
import type { Slice } from './ring-reader.ts';

const LINE_END = 0x0a;
const EVENT_ID = Buffer.from('"event_id":"');
const QUOTE = 0x22;
/** The end of an `event_id`: where its record starts in the ring (wasm/envelope.ts). */
const POSITION_DIGITS = 16;

/** What one batch is made of. */
export interface Part {
  readonly lines: readonly Uint8Array[];
  readonly bytes: number;
  readonly documents: number;
  /** Range of the ring. */
  readonly start: bigint;
  readonly end: bigint;
  readonly malformed: number;
  /** Documents of this range that are left out, because no batch could hold them. */
  readonly oversized: number;
}

/**
 * Cuts a slice.
 * @param lines those of the slice, perhaps rewritten, one by one or joined
 * @param limit_bytes longest batch that the journal takes
 * @param log gets the id of each document that is left out
 */
export function* partsOf(
  slice: Slice,
  lines: Uint8Array | readonly Uint8Array[],
  limit_bytes: number,
  log: Log,
): Generator<Part> {
  const { malformed } = slice;
  if (lines instanceof Uint8Array && lines.byteLength <= limit_bytes) {
    const { start, end, documents } = slice;
    yield { lines: [lines], bytes: lines.byteLength, documents, start, end, malformed, oversized: 0 };
    return;
  }
  let part: Uint8Array[] = [];
  let { start } = slice;
  let bytes = 0;
  let oversized = 0;
  for (const line of lines instanceof Uint8Array ? each(lines) : lines) {
    if (line.byteLength > limit_bytes) {
      const event_id = eventIdOf(line);
      log.error('a document is too large for the journal and dropped', { event_id, bytes: line.byteLength });
      oversized += 1;
      continue;
    }
    if (bytes + line.byteLength > limit_bytes) {
      const end = positionOf(line);
      yield { lines: part, bytes, documents: part.length, start, end, malformed: 0, oversized };
      part = [];
      start = end;
      bytes = 0;
      oversized = 0;
    }
    part.push(line);
    bytes += line.byteLength;
  }
  yield { lines: part, bytes, documents: part.length, start, end: slice.end, malformed, oversized };
}

/** The `event_id` of a line as the decoder writes it. */
export function eventIdOf(line: Uint8Array): string {
  const bytes = Buffer.from(line.buffer, line.byteOffset, line.byteLength);
  const start = bytes.indexOf(EVENT_ID) + EVENT_ID.byteLength;
  return bytes.toString('latin1', start, bytes.indexOf(QUOTE, start));
}

function positionOf(line: Uint8Array): bigint {
  return BigInt(`0x${eventIdOf(line).slice(-POSITION_DIGITS)}`);
}

function* each(lines: Uint8Array): Generator<Uint8Array> {
  for (let start = 0; start < lines.byteLength; ) {
    const end = lines.indexOf(LINE_END, start) + 1;
    yield lines.subarray(start, end);
    start = end;
  }
}
