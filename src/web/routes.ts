/** The agent's pages. */
import type { ContainersDocument } from '../containers/actor.ts';
import { HuatuoError } from '../error.ts';
import { landing } from './landing.ts';
import { failure, json, type Reply, text } from './reply.ts';
import type { Routes } from './router.ts';
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
  /** Reads the configuration again. @returns what changed @throws why the old one stays in force */
  reload(): Promise<string>;
  /** Rejects within a few seconds when no answer comes. */
  containers(): Promise<ContainersDocument>;
  /** Names that may be selected. */
  collectors(): Iterable<string>;
}

const METRICS_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

export function routes(pages: Pages): Routes {
  // Liveness says that this process answers; what the main thread thinks of itself is readiness.
  const healthy = (): Reply => text('healthy\n');
  const ready = (): Promise<Reply> => readiness(pages);
  return {
    '/': async () => landing(pages.version, await pages.status().catch(() => undefined)),
    '/metrics': (query) => metrics(pages, query),
    '/-/healthy': healthy,
    '/healthz': healthy,
    '/-/ready': ready,
    '/readyz': ready,
    '/-/reload': { post: () => reload(pages) },
    '/api/v1/status': () => pages.status().then(json, unavailable),
    '/api/v1/containers': () => pages.containers().then(json, unavailable),
  };
}

async function reload(pages: Pages): Promise<Reply> {
  try {
    return text(`${await pages.reload()}\n`);
  } catch (error) {
    const { code, message } = HuatuoError.from(error, 'CONFIG_INVALID', 'correct the configuration');
    return failure(400, code, message);
  }
}

async function readiness(pages: Pages): Promise<Reply> {
  try {
    const { state } = (await pages.status()).agent;
    return state === 'ready' || state === 'degraded'
      ? text(`${state}\n`)
      : text(`not ready: ${state}\n`, 503);
  } catch (error) {
    return text(`not ready: ${statusFailure(error).message}\n`, 503);
  }
}

async function metrics(pages: Pages, query: URLSearchParams): Promise<Reply> {
  const only = query.getAll('collect[]');
  const without = query.getAll('exclude[]');
  if (only.length > 0 && without.length > 0)
    return failure(400, 'BAD_QUERY', 'collect[] and exclude[] cannot be used together');
  const known = new Set(pages.collectors());
  const unknown = only.find((name) => !known.has(name));
  if (unknown !== undefined)
    return failure(
      400,
      'UNKNOWN_COLLECTOR',
      `no collector with metrics has the name ${JSON.stringify(unknown)}`,
    );
  const body = await pages.metrics(selection(only, without));
  return { status: 200, contentType: METRICS_TYPE, body };
}

function selection(only: readonly string[], without: readonly string[]): Selection {
  if (only.length > 0) return { type: 'only', collectors: new Set(only) };
  if (without.length > 0) return { type: 'without', collectors: new Set(without) };
  return { type: 'all' };
}

function unavailable(error: unknown): Reply {
  const { code, message } = statusFailure(error);
  return failure(503, code, message);
}

function statusFailure(error: unknown): HuatuoError {
  return HuatuoError.from(error, 'WORKER_EXITED', 'restart the agent');
}
