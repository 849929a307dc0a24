/** What is wrong with a collector, as the catalog says it. */
import * as z from 'zod';
import { HuatuoError } from '../error.ts';
import { printable, showPath } from '../text.ts';

/** Of a shape that does not fit: each place with what was expected there. */
export function describeFault(thrown: unknown): string {
  if (thrown instanceof z.ZodError) {
    return thrown.issues.map(({ path, message }) => `${showPath(path)}: ${printable(message)}`).join(', ');
  }
  return thrown instanceof Error ? thrown.message : String(thrown);
}

export function invalid(expected: string, found: string, remedy: string, cause?: unknown): HuatuoError {
  return new HuatuoError('COLLECTOR_INVALID', { expected, found, remedy, cause });
}
