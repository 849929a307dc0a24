/** The end of a journal as a power failure may leave it: a write that got half of its way. */
import { appendFileSync, existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Adds half a line, or half of a frame's prelude, to the newest segment of a tracer. A killed process alone hardly ever leaves one. */
export function tearTail(journal: string, tracer: string): void {
  const directory = join(journal, tracer);
  // An agent that is killed at its very start has written nothing.
  if (!existsSync(directory)) return;
  const segments = readdirSync(directory).filter((name) =>
    /^\d{20}(\.ndjson|\.live\.ndjson\.zst)$/.test(name),
  );
  const newest = segments.sort().at(-1);
  if (!newest) return;
  const path = join(directory, newest);
  appendFileSync(
    path,
    newest.endsWith('.ndjson') ? '{"@timestamp":"2026-11-22T' : readFileSync(path).subarray(0, 25),
  );
}
