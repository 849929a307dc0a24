/** Finds the handler of a request; knows nothing of sockets. */
import { failure, type Reply } from './reply.ts';

/** What it throws becomes a 500. */
export type Handler = (query: URLSearchParams) => Reply | Promise<Reply>;

/** Exact paths, no patterns. */
export type Routes = Readonly<Record<string, Handler>>;

/** Longest request target; the longest legitimate one selects a hundred collectors. */
const MAX_URL = 4096;
const METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD']);

export interface Routed {
  readonly reply: Reply;
  /** The path of the route, or `other`: bounded, so it can be a label. */
  readonly route: string;
}

/**
 * Answers one request.
 * @param url the request target as it came
 * @param onError what to log when a handler fails; the client is told no more than the error's message
 */
export async function dispatch(
  routes: Routes,
  method: string,
  url: string,
  onError: (error: unknown) => void,
): Promise<Routed> {
  const other = (reply: Reply): Routed => ({ reply, route: 'other' });
  if (url.length > MAX_URL)
    return other(failure(414, 'URL_TOO_LONG', `the request target is longer than ${MAX_URL} characters`));
  const [path = '', query = ''] = splitOnce(url, '?');
  const handler = Object.hasOwn(routes, path) ? routes[path] : undefined;
  if (!handler) return other(failure(404, 'NOT_FOUND', `no such page: ${path.slice(0, 200)}`));
  if (!METHODS.has(method))
    return {
      reply: failure(405, 'METHOD_NOT_ALLOWED', 'only GET and HEAD are answered', { allow: 'GET, HEAD' }),
      route: path,
    };
  try {
    return { reply: await handler(new URLSearchParams(query)), route: path };
  } catch (error) {
    onError(error);
    const message = error instanceof Error ? error.message : 'unknown';
    return { reply: failure(500, 'INTERNAL', message), route: path };
  }
}

function splitOnce(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator);
  return at === -1 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
}
