/**
 * Documents of the journal by time and by what is in them: for `huatuo events` and for the live stream.
 *
 *   segments ── by the time of their last write ──► blocks ── by bytes that must be in them ──► lines ── parsed ──► events
 *
 * Several tracers are merged by time as far as they have been read.
 */
import { join } from 'node:path';
import { HuatuoError } from '../../error.ts';
import { nearest } from '../../suggest.ts';
import { countLines } from './bookmark.ts';
import type { Condition } from './filter.ts';
import { type LineTest, matchLines, timeOf, timestamp } from './match.ts';
import { type Block, type From, StreamReader } from './reader.ts';
import { listSegments } from './segment.ts';
import { tracersIn } from './tracers.ts';
import { DirectoryWatch } from './watch.ts';

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

/**
 * Refuses names that are neither a collector nor a stream of this journal: a misspelt one would show nothing, for ever.
 * @param collectors names of those that could write to it
 * @throws HuatuoError USAGE
 */
export function requireTracers(
  directory: string,
  tracers: readonly string[],
  collectors: Iterable<string>,
): void {
  const known = new Set([...collectors, ...tracersOf(directory, { tracers: [] })]);
  const unknown = tracers.find((name) => !known.has(name));
  if (unknown === undefined) return;
  const similar = nearest(unknown, known);
  throw new HuatuoError('USAGE', {
    expected: 'the name of a collector, or of a directory of the journal',
    found: JSON.stringify(unknown),
    remedy: similar === undefined ? `there are ${[...known].sort().join(', ')}` : `did you mean ${similar}?`,
  });
}

function tracersOf(directory: string, { tracers }: Pick<EventQuery, 'tracers'>): string[] {
  const names = tracersIn(directory);
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
  readonly #test: LineTest;
  #events: JournalEvent[] = [];
  #next = 0;
  #lost = 0;
  #begun: boolean;
  #over = false;

  constructor(directory: string, tracer: string, query: EventQuery, first: boolean) {
    this.#tracer = tracer;
    this.#query = query;
    this.#test = {
      conditions: query.conditions,
      since: timestamp(query.since_ms ?? 0),
      until: timestamp(query.until_ms ?? Number.POSITIVE_INFINITY),
    };
    const from = startOf(join(directory, tracer), tracer, query, first);
    this.#reader = new StreamReader(join(directory, tracer), from);
    // What was gone before the first document of a time is no loss of this question.
    this.#begun = from === 'end' || query.after !== undefined;
  }

  get head(): JournalEvent | undefined {
    return this.#events[this.#next];
  }

  get time(): string | undefined {
    return this.head && timeOf(this.head.line);
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
      this.#over = this.#query.until_ms !== undefined && timeOf(block.lines) > late;
      if (!this.#over) this.#match(block);
    }
  }

  release(): Promise<void> {
    return this.#reader.release();
  }

  close(): Promise<void> {
    return this.#reader.close();
  }

  #match({ lines, start }: Block): void {
    let sequence = start.sequence;
    let counted = 0;
    matchLines(lines, this.#test, (from, end) => {
      sequence += countLines(lines.subarray(counted, end + 1));
      counted = end + 1;
      this.#events.push({ tracer: this.#tracer, sequence, line: Buffer.from(lines.subarray(from, end)) });
    });
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
