/** Reads what the agent has written: whole lines of every segment of one tracer, oldest first. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { segmentBytes } from './segment-text.ts';

export interface JournalDocument {
  /** The line as it is on disk, without its newline. */
  readonly text: string;
  readonly fields: Readonly<Record<string, unknown>>;
  /** `tracer_data`. */
  readonly data: Readonly<Record<string, unknown>>;
}

/** Lines of the tracer; one that is being written at this moment (no newline yet) is left out. */
export function readLines(directory: string, tracer: string): string[] {
  return [...linesOf(directory, tracer)];
}

/** The same, one segment in memory at a time. */
export function* linesOf(directory: string, tracer: string): Generator<string> {
  for (const path of segments(join(directory, tracer))) {
    // Fatal: bytes that are not UTF-8 make a line that no JSON parser has to accept.
    const text = new TextDecoder('utf-8', { fatal: true }).decode(segmentBytes(path));
    yield* text.split('\n').slice(0, -1);
  }
}

/** @throws SyntaxError when a line is not JSON, TypeError when it is not a document */
export function readDocuments(directory: string, tracer: string): JournalDocument[] {
  return readLines(directory, tracer).map(parseDocument);
}

/** @throws SyntaxError when a line is not JSON, TypeError when it is not a document */
export function parseDocument(text: string): JournalDocument {
  const fields = JSON.parse(text) as Record<string, unknown>;
  const { tracer_data: data } = fields;
  if (typeof data !== 'object' || data === null) throw new TypeError(`no document: ${text}`);
  return { text, fields, data: data as Record<string, unknown> };
}

function segments(directory: string): string[] {
  try {
    const names = readdirSync(directory).filter((name) => /\.ndjson(\.zst)?$/.test(name));
    return names.sort().map((name) => join(directory, name));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}
