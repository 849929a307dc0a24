/** The end of a journal as a power failure may leave it: a write that got half of its way. */
import { appendFileSync, existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

/** Adds half a line to the newest segment of a tracer. A killed process alone hardly ever leaves one. */
export function tearTail(journal: string, tracer: string): void {
  const directory = join(journal, tracer);
  // An agent that is killed at its very start has written nothing.
  if (!existsSync(directory)) return;
  const segments = readdirSync(directory).filter((name) => name.endsWith('.ndjson'));
  const newest = segments.sort().at(-1);
  if (newest) appendFileSync(join(directory, newest), '{"@timestamp":"2026-11-22T');
}
