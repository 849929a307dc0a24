/** Why a document was not taken, as the collector that saved it is told. */
import { type ErrorCode, HuatuoError } from '../error.ts';

/** Bounds on what waits for the journal. */
export const MAX_PENDING = 1024;
export const MAX_PENDING_BYTES: number = 8 << 20;

function failure(
  code: ErrorCode,
  expected: string,
  found: string,
  remedy: string,
  cause?: unknown,
): HuatuoError {
  return new HuatuoError(code, { expected, found, remedy, cause });
}

export function cancelled(): HuatuoError {
  return failure(
    'CANCELLED',
    'a document in the journal',
    'a collector that is being stopped',
    'return from start()',
  );
}

export function overloaded(documents: number, bytes: number): HuatuoError {
  return failure(
    'OVERLOADED',
    `at most ${MAX_PENDING} documents and ${MAX_PENDING_BYTES} bytes that wait for the journal`,
    `${documents} documents and ${bytes} bytes`,
    'wait for ctx.save(), or save less',
  );
}

export function oversized(bytes: number, limit_bytes: number): HuatuoError {
  return failure(
    'DOCUMENT_TOO_LARGE',
    `a document of at most ${limit_bytes} bytes`,
    `${bytes} bytes`,
    'save less at once',
  );
}

export function invalid(cause: unknown): HuatuoError {
  const found = cause instanceof Error ? cause.message : String(cause);
  return failure(
    'COLLECTOR_INVALID',
    'data that can be written as a JSON object',
    found,
    'correct the data',
    cause,
  );
}
