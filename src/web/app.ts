/** What every page has in common: limits, headers, counting, and one form of an error. */
import type { HttpBindings } from '@hono/node-server';
import { type Context, type Handler, Hono, type MiddlewareHandler } from 'hono';
import { routePath } from 'hono/route';
import type { ContentfulStatusCode } from 'hono/utils/http-status';

/** Requests being answered at the same time; one more is told to come back. A stream counts until it begins. */
const MAX_PARALLEL = 40;
/** Of these, kept for scrapes: other pages cannot take them. */
const FOR_SCRAPES = 8;
/** Longest request target; the longest legitimate one selects a hundred collectors. */
const MAX_URL = 4096;
const HEADERS: Readonly<Record<string, string>> = {
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  // No page of another site may even load one of these as an image or a script.
  'cross-origin-resource-policy': 'same-origin',
};

export interface Env {
  Bindings: HttpBindings;
}
export type App = Hono<Env>;
export type Page = Handler<Env>;

interface AppObserver {
  /** A page has thrown; the client is told no more than the error's message. */
  onError(error: unknown): void;
  /** Called once for each answer. @param route path of the page, or `other`: bounded, so it can be a label */
  onReply(route: string, method: string, status: number, seconds: number): void;
}

/**
 * Makes an app without pages; it answers 404, 414 and 503 by itself, and 500 for a page that throws.
 * @param guards asked in their order before any page, also one that is not there
 */
export function createApp(
  { onError, onReply }: AppObserver,
  guards: readonly MiddlewareHandler<Env>[] = [],
): App {
  // The path as it was sent: no second spelling of a page, such as /./metrics, is answered.
  const app = new Hono<Env>({ getPath: (_, options) => pathOf(options?.env?.incoming.url) });
  let running = 0;
  app.use(async (c, next) => {
    const started = performance.now();
    for (const [name, value] of Object.entries(HEADERS)) c.header(name, value);
    await next();
    // The path under which the last handler that ran was added: `/*` when only middleware did.
    const route = routePath(c);
    const seconds = (performance.now() - started) / 1000;
    onReply(route === '/*' ? 'other' : route, c.req.method, c.res.status, seconds);
  });
  app.use(async (c, next) => {
    const limit = c.req.path === '/metrics' ? MAX_PARALLEL : MAX_PARALLEL - FOR_SCRAPES;
    if (running >= limit) {
      c.header('retry-after', '1');
      return failure(c, 503, 'BUSY', `${limit} requests are being answered already`);
    }
    if ((c.env.incoming.url ?? '').length > MAX_URL)
      return failure(c, 414, 'URL_TOO_LONG', `the request target is longer than ${MAX_URL} characters`);
    running++;
    try {
      return await next();
    } finally {
      running--;
    }
  });
  for (const guard of guards) app.use(guard);
  app.notFound((c) => failure(c, 404, 'NOT_FOUND', `no such page: ${c.req.path.slice(0, 200)}`));
  app.onError((error, c) => {
    onError(error);
    return failure(c, 500, 'INTERNAL', error.message);
  });
  return app;
}

/** Adds a page that is read with GET or HEAD. */
export function addPage(app: App, path: string, page: Page): void {
  app.get(path, page).all((c) => {
    c.header('allow', 'GET, HEAD');
    return failure(c, 405, 'METHOD_NOT_ALLOWED', 'only GET and HEAD are answered');
  });
}

/** A finished text; its length is set here because an answer to HEAD has no body to measure. */
export function text(
  c: Context,
  body: string,
  status: ContentfulStatusCode = 200,
  contentType = 'text/plain; charset=utf-8',
): Response {
  return c.body(body, status, {
    'content-type': contentType,
    'content-length': String(Buffer.byteLength(body)),
  });
}

export function json(c: Context, value: unknown, status: ContentfulStatusCode = 200): Response {
  return text(c, `${JSON.stringify(value)}\n`, status, 'application/json; charset=utf-8');
}

/** The one form of an error: `{"error":{"code","message"}}`. */
export function failure(c: Context, status: ContentfulStatusCode, code: string, message: string): Response {
  return json(c, { error: { code, message } }, status);
}

/** Without the part that a client sends as if to a proxy, which a server has to take too (RFC 9112, 3.2.2). */
function pathOf(target = ''): string {
  const [path = ''] = target.replace(/^https?:\/\/[^/?]+(?=\/)/i, '').split('?', 1);
  return path;
}
