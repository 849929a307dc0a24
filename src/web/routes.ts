/** The agent's pages. */
import type { Context } from 'hono';
import { compress } from 'hono/compress';
import type { ContainersDocument } from '../containers/document.ts';
import { HuatuoError } from '../error.ts';
import { type App, addPage, failure, json, type Page, text } from './app.ts';
import { LANDING_POLICY, landing } from './landing.ts';
import type { StatusDocument } from './status.ts';

/** Which collectors a metrics page is made of. */
export type Selection =
  | { readonly type: 'all' }
  | { readonly type: 'only' | 'without'; readonly collectors: ReadonlySet<string> };

export interface Pages {
  readonly version: string;
  /** Rejects within a second when the main thread does not answer. */
  status(): Promise<StatusDocument>;
  /** The metrics page in text format 0.0.4. */
  metrics(selection: Selection): Promise<string>;
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
const METRICS_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

/** Adds every page of the agent to an app. @returns the app */
export function addPages(app: App, pages: Pages): App {
  addPage(app, '/', async (c) => {
    const status = await pages.status().catch(() => undefined);
    c.header('content-security-policy', LANDING_POLICY);
    return text(c, landing(pages.version, status), 200, 'text/html; charset=utf-8');
  });
  app.use('/metrics', compress({ encoding: 'gzip' }));
  addPage(app, '/metrics', (c) => metrics(c, pages));
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
  const known = new Set(pages.collectors());
  const unknown = only.find((name) => !known.has(name));
  if (unknown !== undefined) {
    const message = `no collector that runs has the name ${JSON.stringify(unknown)}; there are ${[...known].join(', ')}`;
    return failure(c, 400, 'UNKNOWN_COLLECTOR', message);
  }
  return text(c, await pages.metrics(selection(only, without)), 200, METRICS_TYPE);
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
