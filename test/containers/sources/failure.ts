import assert from 'node:assert/strict';
import { HuatuoError } from '../../../src/error.ts';

/** The error with which a source gives up: code, a remedy, and what was found. */
export async function failsWith(list: Promise<unknown>, found: RegExp): Promise<HuatuoError> {
  const error = await list.then(
    () => assert.fail('expected a failure'),
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof HuatuoError, String(error));
  assert.equal(error.code, 'CONTAINER_SOURCE_FAILED');
  assert.match(error.message, found);
  assert.match(error.message, /^expected .+, found .+; .+/s);
  return error;
}

/** A deadline that a test with a working server never meets. */
export const soon = (): AbortSignal => AbortSignal.timeout(30_000);
/** One that passes while a silent server is waited for. */
export const brief = (): AbortSignal => AbortSignal.timeout(100);
