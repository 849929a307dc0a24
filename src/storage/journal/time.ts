/** Words of a command line or of a URL to a question to the journal. */
import { HuatuoError } from '../../error.ts';
import { parseAge } from '../../sdk/units.ts';

/**
 * @param text `15m` for that long ago, or a time as RFC 3339 writes it
 * @returns milliseconds since the epoch
 * @throws HuatuoError USAGE
 */
export function parseTime(text: string, now_ms: number): number {
  const ago_ms = parseAge(text);
  if (ago_ms !== undefined) return now_ms - ago_ms;
  const time = /^\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)?)?$/.test(text)
    ? Date.parse(text)
    : Number.NaN;
  if (!Number.isNaN(time)) return time;
  throw new HuatuoError('USAGE', {
    expected: 'a time',
    found: JSON.stringify(text.slice(0, 100)),
    remedy: 'write 15m for that long ago, or 2026-11-22T19:49:44Z',
  });
}
