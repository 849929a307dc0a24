/**
 * Says on stderr that something critical has happened, for whoever has the agent in a terminal. It is told here, where a batch
 * has one severity and one origin: journal and supervisor pass bytes on.
 *
 * A line is for a person: what happened, to whom, and the short fields of the document. A storm is a few lines and a number.
 */
import type { Log } from '../sdk/context.ts';
import { shortFields, shownText } from '../short-fields.ts';

const LINES = 5;
const WINDOW_MS = 60_000;
const MAX_FIELDS_CHARACTERS = 320;

type Document = Readonly<Record<string, unknown>>;

export class CriticalLog {
  readonly #log: Log;
  readonly #what: string;
  #said = 0;
  #suppressed = 0;
  #window: NodeJS.Timeout | undefined;

  /** @param what the sentence that all documents have in common */
  constructor(log: Log, what: string) {
    this.#log = log;
    this.#what = what.replace(/\.$/, '');
  }

  /** @param lines pieces of whole NDJSON lines @param documents how many these are */
  say(lines: readonly Uint8Array[], documents: number): void {
    this.#window ??= setTimeout(() => this.#close(), WINDOW_MS).unref();
    const told = Math.min(documents, LINES - this.#said);
    this.#said += told;
    this.#suppressed += documents - told;
    if (told === 0) return;
    for (const line of firstLines(lines, told)) this.#log.warn(`critical: ${summary(this.#what, line)}`);
  }

  #close(): void {
    this.#window = undefined;
    this.#said = 0;
    if (this.#suppressed > 0) this.#log.warn(`critical: ${this.#suppressed} more; see huatuo events`);
    this.#suppressed = 0;
  }
}

function firstLines(pieces: readonly Uint8Array[], most: number): string[] {
  const found: string[] = [];
  for (const piece of pieces)
    for (let start = 0; found.length < most && start < piece.byteLength; ) {
      const end = piece.indexOf(0x0a, start);
      found.push(Buffer.from(piece.subarray(start, end)).toString('utf8'));
      start = end + 1;
    }
  return found;
}

function summary(what: string, line: string): string {
  const document = parse(line);
  const { container_name, container_hostname, container_id, systemd_unit, tracer_data } = document;
  const owner = container_name ?? container_hostname ?? container_id ?? systemd_unit;
  const fields = shortFields((tracer_data ?? {}) as Document, MAX_FIELDS_CHARACTERS);
  return [`${what}:`, ...(owner === undefined ? [] : [`in ${shownText(owner)}`]), ...fields].join(' ');
}

/** What a collector of a user's has made of its event may be no JSON; its journal will show it. */
function parse(line: string): Document {
  try {
    return JSON.parse(line) as Document;
  } catch {
    return {};
  }
}
