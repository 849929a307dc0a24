/** The agent's pages. */
import type { Context } from 'hono';
import type { ContainersDocument } from '../containers/document.ts';
import { HuatuoError } from '../error.ts';
import type { PageFormat } from '../storage/prometheus/render.ts';
import { type App, addPage, failure, json, type Page, text } from './app.ts';
import { landing, landingPolicy } from './landing.ts';
import { acceptedEncoding, acceptedFormat, type Encoding } from './negotiate.ts';
import type { StatusDocument } from './status.ts';

/** Which collectors a metrics page is made of. */
export type Selection =
  | { readonly type: 'all' }
  | { readonly type: 'only' | 'without'; readonly collectors: ReadonlySet<string> };

/** What a scraper has asked for. */
export interface ScrapeWish {
  readonly selection: Selection;
  readonly format: PageFormat;
  readonly encoding: Encoding;
}

export interface Pages {
  readonly version: string;
  /** Rejects within a second when the main thread does not answer. */
  status(): Promise<StatusDocument>;
  /** The metrics page, in its encoding. */
  metrics(wish: ScrapeWish): Promise<Buffer<ArrayBuffer>>;
  /** A scrape was told to come again. */
  onRefusedScrape(): void;
  /** Rejects within a few seconds when no answer comes. */
  containers(): Promise<ContainersDocument>;
  /** Documents of the journal as they come: an answer that does not end. */
  events(c: Parameters<Page>[0]): Response;
  /** Names that may be selected. */
  collectors(): Iterable<string>;
}

/** Where other programs of the Prometheus family reload. */
const RELOAD =
  "a reload is not asked for over HTTP, where a page in a browser could do it; run `huatuo reload` as the agent's user, or send SIGHUP";
/** Of a name that a client has made up. */
const MAX_NAME = 64;
/** Scrapes that are answered at the same time; several Prometheus servers and a few people. */
const MAX_SCRAPES = 8;
/** What `collect[]` calls the agent's own metrics. */
export const AGENT = 'agent';

/** Adds every page of the agent to an app. @returns the app */
export function addPages(app: App, pages: Pages): App {
  addPage(app, '/', async (c) => {
    const status = await pages.status().catch(() => undefined);
    c.header('content-security-policy', landingPolicy());
    return text(c, landing(pages.version, status), 200, 'text/html; charset=utf-8');
  });
  let scrapes = 0;
  addPage(app, '/metrics', async (c) => {
    if (scrapes >= MAX_SCRAPES) {
      pages.onRefusedScrape();
      c.header('retry-after', '1');
      return failure(c, 503, 'BUSY', `${MAX_SCRAPES} scrapes are being answered already`);
    }
    scrapes++;
    try {
      return await metrics(c, pages);
    } finally {
      scrapes--;
    }
  });
  // Liveness says that this process answers; what the main thread thinks of itself is readiness.
  for (const path of ['/-/healthy', '/healthz']) addPage(app, path, (c) => text(c, 'healthy\n'));
  for (const path of ['/-/ready', '/readyz']) addPage(app, path, (c) => readiness(c, pages));
  app.all('/-/reload', (c) => failure(c, 403, 'FORBIDDEN', RELOAD));
  addPage(app, '/api/v1/status', (c) => document(c, pages.status()));
  addPage(app, '/api/v1/events', (c) => pages.events(c));
  addPage(app, '/api/v1/containers', (c) => document(c, pages.containers()));
  return app;
}

async function readiness(c: Context, pages: Pages): Promise<Response> {
  try {
    const { state } = (await pages.status()).agent;
    return state === 'ready' || state === 'degraded'
      ? text(c, `${state}\n`)
      : text(c, `not ready: ${state}\n`, 503);
  } catch (error) {
    return text(c, `not ready: ${statusFailure(error).message}\n`, 503);
  }
}

async function metrics(c: Context, pages: Pages): Promise<Response> {
  const only = c.req.queries('collect[]') ?? [];
  const without = c.req.queries('exclude[]') ?? [];
  if (only.length > 0 && without.length > 0)
    return failure(c, 400, 'BAD_QUERY', 'collect[] and exclude[] cannot be used together');
  const bare = ['collect', 'exclude'].find((name) => c.req.query(name) !== undefined);
  if (bare !== undefined)
    return failure(
      c,
      400,
      'BAD_QUERY',
      `${bare} selects nothing; did you mean ${bare}[]=${c.req.query(bare)?.slice(0, MAX_NAME)}?`,
    );
  const known = new Set([...pages.collectors(), AGENT]);
  // One that is excluded need not be there: the same URL is asked of hosts that differ.
  const unknown = only.find((name) => !known.has(name));
  if (unknown !== undefined) return notCollected(c, unknown, known, pages);
  const { format, contentType } = acceptedFormat(c.req.header('accept'));
  const encoding = acceptedEncoding(c.req.header('accept-encoding'));
  const body = await pages.metrics({ selection: selection(only, without), format, encoding });
  c.header('vary', 'accept, accept-encoding');
  if (encoding !== 'identity') c.header('content-encoding', encoding);
  return c.body(body, 200, { 'content-type': contentType, 'content-length': String(body.byteLength) });
}

/** Why a name that was asked for has no metrics. */
async function notCollected(
  c: Context,
  name: string,
  known: ReadonlySet<string>,
  pages: Pages,
): Promise<Response> {
  const status = await pages.status().catch(() => undefined);
  const actor = status?.actors.find((one) => one.role === 'collector' && one.name === name);
  const quoted = JSON.stringify(name.slice(0, MAX_NAME));
  if (actor?.state === 'disabled')
    return failure(
      c,
      400,
      'DISABLED_COLLECTOR',
      `collector ${quoted} is disabled; --collector.${name} enables it`,
    );
  if (actor) {
    const reason = actor.reason ? `: ${actor.reason.message}` : '';
    return failure(c, 400, 'COLLECTOR_NOT_RUNNING', `collector ${quoted} is ${actor.state}${reason}`);
  }
  const message = `no collector has the name ${quoted}; there are ${[...known].join(', ')}`;
  return failure(c, 400, 'UNKNOWN_COLLECTOR', message);
}

function selection(only: readonly string[], without: readonly string[]): Selection {
  if (only.length > 0) return { type: 'only', collectors: new Set(only) };
  if (without.length > 0) return { type: 'without', collectors: new Set(without) };
  return { type: 'all' };
}

async function document(c: Context, asked: Promise<unknown>): Promise<Response> {
  try {
    return json(c, await asked);
  } catch (error) {
    const { code, message } = statusFailure(error);
    return failure(c, 503, code, message);
  }
}

function statusFailure(error: unknown): HuatuoError {
  return HuatuoError.from(error, 'WORKER_EXITED', 'restart the agent');
}
