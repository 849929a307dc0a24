/**
 * Checks what arrives on a collector's port: a collector may be custom code, and the journal serves all of them. By hand,
 * because it is the only thing in this thread that would need a schema library, which costs 5 MB.
 */

import { HuatuoError } from '../../error.ts';
import type { BatchMessage, ToJournal } from './protocol.ts';
import { TRACER_NAME } from './tracers.ts';

/** Longer than any document; a batch beyond it would hold up every other collector. */
export const MAX_BATCH_BYTES: number = 16 * 1024 * 1024;

const NEWLINE = 10;
const MAX_RING_ID_LENGTH = 128;
const RING_ID_RULE = `a ring id must be 1 to ${MAX_RING_ID_LENGTH} characters`;

/** A message that is not handled, with what is needed to give its buffer back. */
export interface Rejected {
  readonly type: 'rejected';
  /** -1 when the message names none. */
  readonly sequence: number;
  /** Empty when the message has none. */
  readonly buffer: ArrayBuffer;
  readonly error: HuatuoError;
}

/** Takes any value; never throws. The error is COLLECTOR_INVALID, which is permanent: sending it again cannot help. */
export function checkMessage(data: unknown): ToJournal | Rejected {
  const fault = isObject(data) ? findFault(data) : 'it must be an object';
  if (fault === undefined) return data as ToJournal;
  return reject(
    data,
    new HuatuoError('COLLECTOR_INVALID', {
      expected: 'a message of the journal protocol',
      found: `one that breaks a rule: ${fault}`,
      remedy: 'correct the collector that sent it; src/storage/journal/protocol.ts has the types',
    }),
  );
}

/** Finds in any value what an answer needs. */
export function reject(data: unknown, error: HuatuoError): Rejected {
  const { sequence, buffer } = (data ?? {}) as Partial<Record<keyof BatchMessage, unknown>>;
  return {
    type: 'rejected',
    sequence: Number.isSafeInteger(sequence) ? (sequence as number) : -1,
    buffer: buffer instanceof ArrayBuffer ? buffer : new ArrayBuffer(0),
    error,
  };
}

type Unchecked = Readonly<Record<string, unknown>>;

/** @returns the first rule that is broken, undefined when there is none */
function findFault(message: Unchecked): string | undefined {
  if (message.type === 'hello') return isRingId(message.ringId) ? undefined : RING_ID_RULE;
  if (message.type !== 'batch') return 'type must be batch or hello';
  const { sequence, tracer, buffer, bytes, documents, ring } = message;
  if (!isCount(sequence)) return 'sequence must be a whole number';
  if (typeof tracer !== 'string' || !TRACER_NAME.test(tracer))
    return 'tracer must be 1 to 64 characters a-z, 0-9 and _';
  if (!(buffer instanceof ArrayBuffer)) return 'buffer must be an ArrayBuffer';
  if (!isCount(bytes) || bytes > MAX_BATCH_BYTES) return `bytes must be at most ${MAX_BATCH_BYTES}`;
  if (bytes > buffer.byteLength) return 'bytes must not exceed the buffer';
  if (!isCount(documents) || documents > bytes || documents > 0 !== bytes > 0)
    return 'documents must fit bytes';
  if (bytes > 0 && new Uint8Array(buffer)[bytes - 1] !== NEWLINE)
    return 'the last byte in use must be a newline';
  return 'ring' in message ? findRingFault(ring) : undefined;
}

function findRingFault(ring: unknown): string | undefined {
  if (!isObject(ring)) return 'ring must be an object';
  const { id, start, end, documents, malformed } = ring;
  if (!isRingId(id)) return RING_ID_RULE;
  if (typeof start !== 'bigint' || typeof end !== 'bigint' || start < 0n || start >= end)
    return 'ring: start must be 0 or above, end must be above start';
  const counted = isCount(documents) && isCount(malformed);
  return counted ? undefined : 'ring: documents and malformed must be whole numbers';
}

function isObject(value: unknown): value is Unchecked {
  return typeof value === 'object' && value !== null;
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isRingId(value: unknown): boolean {
  return typeof value === 'string' && value.length > 0 && value.length <= MAX_RING_ID_LENGTH;
}
