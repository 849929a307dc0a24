/** Checks what arrives on a collector's port: a collector may be custom code, and the journal serves all of them. */
import { z } from 'zod';
import type { BatchMessage, ToJournal } from '../actor/protocol.ts';
import { HuatuoError } from '../error.ts';
import { TRACER_NAME } from './journal.ts';

/** Longer than any document; a batch beyond it would hold up every other collector. */
export const MAX_BATCH_BYTES: number = 16 * 1024 * 1024;

const NEWLINE = 10;
const count = z.int().nonnegative();
const position = z.bigint().nonnegative();
const ringId = z.string().min(1).max(128);

const ring = z
  .object({ id: ringId, start: position, end: position, documents: count, malformed: count })
  .refine(({ start, end }) => start < end, 'end must be above start');

const batch = z
  .object({
    type: z.literal('batch'),
    sequence: count,
    tracer: z.string().regex(TRACER_NAME, 'must be 1 to 64 characters a-z, 0-9 and _'),
    buffer: z.instanceof(ArrayBuffer),
    bytes: count.max(MAX_BATCH_BYTES),
    documents: count,
    ring: ring.exactOptional(),
  })
  .refine(({ bytes, buffer }) => bytes <= buffer.byteLength, 'bytes must not exceed the buffer')
  .refine(
    ({ bytes, documents }) => documents <= bytes && documents > 0 === bytes > 0,
    'documents must fit bytes',
  )
  .refine(endsInNewline, 'the last byte in use must be a newline');

const hello = z.object({ type: z.literal('hello'), ringId });
const message = z.discriminatedUnion('type', [batch, hello]);

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
  const checked = message.safeParse(data);
  if (checked.success) return checked.data;
  return reject(
    data,
    new HuatuoError('COLLECTOR_INVALID', {
      expected: 'a message of the journal protocol',
      found: z.prettifyError(checked.error),
      remedy: 'correct the collector that sent it; src/actor/protocol.ts has the types',
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

function endsInNewline({ buffer, bytes }: { buffer: ArrayBuffer; bytes: number }): boolean {
  return bytes === 0 || bytes > buffer.byteLength || new Uint8Array(buffer)[bytes - 1] === NEWLINE;
}
