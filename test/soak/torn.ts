/** Looks at the raw end of a journal, as a kill has left it. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const LINE_END = 0x0a;

/** Whether the newest segment of a tracer ends in the middle of a line. */
export function endsTorn(journal: string, tracer: string): boolean {
  const directory = join(journal, tracer);
  const newest = readdirSync(directory, { encoding: 'utf8' })
    .filter((name) => name.endsWith('.ndjson'))
    .sort()
    .at(-1);
  const last = newest && readFileSync(join(directory, newest)).at(-1);
  return last !== undefined && last !== '' && last !== LINE_END;
}
