/**
 * Documents of the journal by time and by what is in them: for `huatuo events` and for the live stream.
 *
 *   segments ── by the time of their last write ──► blocks ── by bytes that must be in them ──► lines ── parsed ──► events
 *
 * Several tracers are merged by time as far as they have been read.
 */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { countLines } from './bookmark.ts';
import type { Condition } from './filter.ts';
import { TRACER_NAME } from './journal.ts';
import { type Block, type From, StreamReader } from './reader.ts';
import { listSegments } from './segment.ts';
import { DirectoryWatch } from './watch.ts';

const NEWLINE = 10;
const COLON = 58;
const TIME_AT = '{"@timestamp":"'.length;
const TIME_BYTES = 30;
/** Documents are not written in the order of their time: a capture is dated by its beginning, rings are one for each CPU. */
const DISORDER_MS = 10 * 60 * 1000;
const CHUNK = 256;

export interface EventQuery {
  /** All when it is empty. */
  readonly tracers: readonly string[];
  readonly since_ms?: number;
  readonly until_ms?: number;
  readonly conditions: readonly Condition[];
  /** Goes on with what comes. */
  readonly follow: boolean;
  /** Where to begin; by tracer, the others by `since_ms`. */
  readonly after?: ReadonlyMap<string, number>;
}

export interface JournalEvent {
  readonly tracer: string;
  /** Number of documents of the tracer up to this one. */
  readonly sequence: number;
  readonly line: Buffer;
}

export interface EventChunk {
  readonly events: readonly JournalEvent[];
  /** Documents that are not there any more. */
  readonly lost: number;
}

/** Ends with the journal, or with the signal when it follows. A chunk may be without events when documents were lost. */
export async function* readEvents(
  directory: string,
  query: EventQuery,
  signal: AbortSignal,
): AsyncGenerator<EventChunk> {
  const sources = new Map<string, Source>();
  const watches: DirectoryWatch[] = [];
  const watch = (path: string): void => void (query.follow && watches.push(new DirectoryWatch(path)));
  try {
    watch(directory);
    for (let first = true; !signal.aborted; first = false) {
      for (const tracer of tracersOf(directory, query)) {
        if (sources.has(tracer)) continue;
        sources.set(tracer, new Source(directory, tracer, query, first));
        watch(join(directory, tracer));
      }
      yield* merge([...sources.values()], signal);
      if (!query.follow) return;
      for (const source of sources.values()) await source.release();
      await changed(watches, signal);
    }
  } finally {
    for (const one of watches) one[Symbol.dispose]();
    for (const source of sources.values()) await source.close();
  }
}

function tracersOf(directory: string, { tracers }: EventQuery): string[] {
  let names: string[];
  try {
    names = readdirSync(directory).filter((name) => TRACER_NAME.test(name));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
  return tracers.length === 0 ? names : names.filter((name) => tracers.includes(name));
}

async function changed(watches: readonly DirectoryWatch[], signal: AbortSignal): Promise<void> {
  const enough = new AbortController();
  const either = AbortSignal.any([signal, enough.signal]);
  await Promise.race(watches.map((watch) => watch.changed(either)));
  enough.abort();
}

async function* merge(sources: readonly Source[], signal: AbortSignal): AsyncGenerator<EventChunk> {
  let events: JournalEvent[] = [];
  while (!signal.aborted) {
    for (const source of sources) if (!source.head) await source.fill(signal);
    const lost = sources.reduce((sum, source) => sum + source.takeLost(), 0);
    const live = sources.filter((source) => source.head);
    // Until one of them has to be filled again.
    while (live.length > 0 && live.every((source) => source.head) && events.length < CHUNK) {
      const earliest = live.reduce((a, b) => ((b.time as string) < (a.time as string) ? b : a));
      events.push(earliest.take());
    }
    if (events.length > 0 || lost > 0) yield { events, lost };
    events = [];
    if (live.length === 0) return;
  }
}

/** The matching documents of one tracer. */
class Source {
  readonly #tracer: string;
  readonly #reader: StreamReader;
  readonly #query: EventQuery;
  readonly #since: string;
  readonly #until: string;
  #events: JournalEvent[] = [];
  #next = 0;
  #lost = 0;
  #begun: boolean;
  #over = false;

  constructor(directory: string, tracer: string, query: EventQuery, first: boolean) {
    this.#tracer = tracer;
    this.#query = query;
    this.#since = timestamp(query.since_ms ?? 0);
    this.#until = query.until_ms === undefined ? '~' : timestamp(query.until_ms);
    const from = startOf(join(directory, tracer), tracer, query, first);
    this.#reader = new StreamReader(join(directory, tracer), from);
    // What was gone before the first document of a time is no loss of this question.
    this.#begun = from === 'end' || query.after !== undefined;
  }

  get head(): JournalEvent | undefined {
    return this.#events[this.#next];
  }

  get time(): string | undefined {
    return this.head && timeAt(this.head.line, 0);
  }

  take(): JournalEvent {
    return this.#events[this.#next++] as JournalEvent;
  }

  takeLost(): number {
    const lost = this.#lost;
    this.#lost = 0;
    return lost;
  }

  /** Reads on until there is a document that matches, or nothing more. */
  async fill(signal: AbortSignal): Promise<void> {
    this.#next = 0;
    this.#events = [];
    while (this.#events.length === 0 && !this.#over && !signal.aborted) {
      const block = await this.#reader.next();
      if (!block) return;
      if (this.#begun) this.#lost += block.lost;
      this.#begun = true;
      const late = timestamp((this.#query.until_ms ?? Number.POSITIVE_INFINITY) + DISORDER_MS);
      this.#over = this.#query.until_ms !== undefined && timeAt(block.lines, 0) > late;
      if (!this.#over) this.#match(block);
    }
  }

  release(): Promise<void> {
    return this.#reader.release();
  }

  close(): Promise<void> {
    return this.#reader.close();
  }

  #match(block: Block): void {
    const { conditions } = this.#query;
    const { lines } = block;
    if (!conditions.every(({ needles }) => hasOne(lines, needles))) return;
    const finder = finderOf(lines, rarest(conditions));
    let sequence = block.start.sequence;
    let counted = 0;
    for (let at = 0; at < lines.length; ) {
      if (finder) {
        const hit = finder(at);
        if (hit === undefined) return;
        at = lines.lastIndexOf(NEWLINE, hit) + 1;
      }
      const end = lines.indexOf(NEWLINE, at);
      const line = lines.subarray(at, end);
      if (this.#matches(line)) {
        sequence += countLines(lines.subarray(counted, end + 1));
        counted = end + 1;
        this.#events.push({ tracer: this.#tracer, sequence, line: Buffer.from(line) });
      }
      at = end + 1;
    }
  }

  #matches(line: Buffer): boolean {
    const time = timeAt(line, 0);
    if (time < this.#since || time > this.#until) return false;
    const { conditions } = this.#query;
    if (conditions.length === 0) return true;
    if (!conditions.every(({ needles }) => hasOne(line, needles))) return false;
    try {
      const document: unknown = JSON.parse(line.toString('utf8'));
      return conditions.every((condition) => condition.meets(document));
    } catch {
      return false;
    }
  }
}

function startOf(
  path: string,
  tracer: string,
  { after, since_ms, follow }: EventQuery,
  first: boolean,
): From {
  const sequence = after?.get(tracer);
  if (sequence !== undefined) return { sequence };
  if (since_ms === undefined) return follow && first ? 'end' : 'start';
  try {
    const segments = listSegments(path, () => undefined);
    // Nothing in a segment is younger than its last write.
    const holder = segments.find(({ written_ms }) => written_ms >= since_ms) ?? segments.at(-1);
    return holder ? { sequence: holder.first } : 'start';
  } catch {
    return 'start';
  }
}

/** The needles that probably stand in fewest lines: not a mere name of a field, and long. */
function rarest(conditions: readonly Condition[]): readonly Buffer[] | undefined {
  const length = (needles: readonly Buffer[] = []): number =>
    needles.some((needle) => needle.at(-1) === COLON)
      ? 0
      : Math.min(...needles.map((needle) => needle.length));
  return conditions
    .map(({ needles }) => needles)
    .filter((needles) => needles !== undefined)
    .toSorted((a, b) => length(b) - length(a))[0];
}

/** Where one of the needles next stands, at or behind a place; undefined when it does not. */
function finderOf(
  lines: Buffer,
  needles: readonly Buffer[] | undefined,
): ((from: number) => number | undefined) | undefined {
  if (!needles) return undefined;
  const next = needles.map(() => -1);
  return (from) => {
    for (const [index, needle] of needles.entries()) {
      if ((next[index] as number) >= from) continue;
      const hit = lines.indexOf(needle, from);
      next[index] = hit < 0 ? Number.POSITIVE_INFINITY : hit;
    }
    const nearest = Math.min(...next);
    return Number.isFinite(nearest) ? nearest : undefined;
  };
}

function hasOne(bytes: Buffer, needles: readonly Buffer[] | undefined): boolean {
  return needles === undefined || needles.some((needle) => bytes.includes(needle));
}

function timeAt(lines: Buffer, start: number): string {
  return lines.toString('latin1', start + TIME_AT, start + TIME_AT + TIME_BYTES);
}

/** As documents write it, so that the order of texts is the order of times. */
function timestamp(ms: number): string {
  return Number.isFinite(ms) ? `${new Date(ms).toISOString().slice(0, 23)}000000Z` : '~';
}
