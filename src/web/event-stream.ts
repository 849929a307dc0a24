/**
 * `GET /api/v1/events`: documents of the journal as server-sent events, from the newest on, from a time, or from where the client was.
 *
 *   id: oom:41,softirq:1077        for each tracer, how many of its documents the client has met
 *   data: {"@timestamp": …         a document as it is in the journal
 *
 * Each client reads the journal's files at its own pace, so nothing is queued for it. One that takes nothing for a while is cut off; it
 * comes back with the last id, and goes on from there.
 */
import { streamSSE } from 'hono/streaming';
import { HuatuoError } from '../error.ts';
import { type EventChunk, type EventQuery, readEvents, requireTracers } from '../storage/journal/events.ts';
import { ofContainer, parseFilter } from '../storage/journal/filter.ts';
import { parseTime } from '../storage/journal/time.ts';
import { failure, type Page } from './app.ts';

export interface EventStreamOptions {
  /** The journal's directory. */
  readonly journal: string;
  /** Names of the collectors that run. */
  collectors(): Iterable<string>;
  readonly maxClients?: number;
  /** A client that takes nothing for so long is cut off. */
  readonly slow_ms?: number;
  onError(error: unknown): void;
}

interface EventStreamCounts {
  readonly clients: number;
  /** Were cut off, because they took nothing. */
  readonly cut: number;
  /** Were told to come back, because there were too many. */
  readonly refused: number;
}

type PageContext = Parameters<Page>[0];

const MAX_CLIENTS = 8;
const SLOW_MS = 10_000;
/** A sign of life for proxies, and for this end: a client that is gone is noticed by a write. */
const COMMENT_MS = 15_000;
const PARAMETERS: readonly string[] = ['collector', 'container', 'filter', 'since'];

export class EventStreams {
  readonly #options: EventStreamOptions;
  readonly #open = new Set<AbortController>();
  #cut = 0;
  #refused = 0;

  constructor(options: EventStreamOptions) {
    this.#options = options;
  }

  get counts(): EventStreamCounts {
    return { clients: this.#open.size, cut: this.#cut, refused: this.#refused };
  }

  answer(c: PageContext): Response {
    const { maxClients = MAX_CLIENTS } = this.#options;
    let asked: { readonly query: EventQuery; readonly met: Map<string, number> };
    try {
      asked = readQuestion(c);
      requireTracers(this.#options.journal, asked.query.tracers, this.#options.collectors());
    } catch (error) {
      const { message } = HuatuoError.from(error, 'USAGE', 'correct the question');
      return failure(c, 400, 'BAD_QUERY', message);
    }
    if (this.#open.size >= maxClients) {
      this.#refused++;
      c.header('retry-after', '10');
      return failure(c, 429, 'TOO_MANY_STREAMS', `${maxClients} clients are served already`);
    }
    c.header('content-type', 'text/event-stream');
    if (c.req.method === 'HEAD') return c.body(null);
    return this.#stream(c, asked.query, asked.met);
  }

  close(): void {
    for (const one of this.#open) one.abort();
  }

  #stream(c: PageContext, query: EventQuery, met: Map<string, number>): Response {
    const gone = new AbortController();
    this.#open.add(gone);
    const cutOff = (): void => {
      this.#cut++;
      gone.abort();
      // Its buffers are full: nothing but the end of the connection reaches it.
      c.env.incoming.socket.destroy();
    };
    return streamSSE(c, async (stream) => {
      stream.onAbort(() => gone.abort());
      const write = async (text: string): Promise<void> => {
        const timer = setTimeout(cutOff, this.#options.slow_ms ?? SLOW_MS);
        await stream.write(text);
        clearTimeout(timer);
      };
      const comments = setInterval(() => void stream.write(':\n\n'), COMMENT_MS);
      try {
        // A client knows at once that it is served.
        await write(': documents of the journal\nretry: 1000\n\n');
        for await (const chunk of readEvents(this.#options.journal, query, gone.signal)) {
          await write(textOf(chunk, met));
          if (gone.signal.aborted) return;
        }
      } catch (error) {
        if (!gone.signal.aborted) this.#options.onError(error);
      } finally {
        clearInterval(comments);
        this.#open.delete(gone);
      }
    });
  }
}

function textOf({ events, lost }: EventChunk, met: Map<string, number>): string {
  let text = lost > 0 ? `event: lost\ndata: ${lost}\n\n` : '';
  for (const { tracer, sequence, line } of events) {
    met.set(tracer, sequence);
    const id = Array.from(met, ([name, count]) => `${name}:${count}`).join(',');
    text += `id: ${id}\ndata: ${line.toString('utf8')}\n\n`;
  }
  return text;
}

/** @throws HuatuoError USAGE */
function readQuestion(c: PageContext): { readonly query: EventQuery; readonly met: Map<string, number> } {
  const unknown = Object.keys(c.req.query()).find((name) => !PARAMETERS.includes(name));
  if (unknown !== undefined) throw misspelt(`the parameters ${PARAMETERS.join(', ')}`, unknown);
  const tracers = c.req.queries('collector') ?? [];
  const since = c.req.query('since');
  const container = c.req.query('container');
  const met = parseId(c.req.header('last-event-id') ?? '');
  const query: EventQuery = {
    tracers,
    follow: true,
    conditions: [
      ...(container === undefined ? [] : [ofContainer(container)]),
      ...(c.req.queries('filter') ?? []).flatMap(parseFilter),
    ],
    ...(since !== undefined && { since_ms: parseTime(since, Date.now()) }),
    ...(met.size > 0 && { after: new Map(met) }),
  };
  return { query, met };
}

function parseId(text: string): Map<string, number> {
  const met = new Map<string, number>();
  if (text === '') return met;
  for (const part of text.split(',')) {
    const [, tracer = '', digits] = /^([a-z0-9_]{1,64}):(\d{1,16})$/.exec(part) ?? [];
    const count = Number(digits);
    if (!Number.isSafeInteger(count) || met.size >= 1024) throw misspelt('an id of this stream', text);
    met.set(tracer, count);
  }
  return met;
}

function misspelt(expected: string, found: string): HuatuoError {
  return new HuatuoError('USAGE', {
    expected,
    found: JSON.stringify(found.slice(0, 200)),
    remedy: 'see GET /api/v1/events in the documentation',
  });
}
