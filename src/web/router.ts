/** Finds the handler of a request; knows nothing of sockets. */
import { failure, type Reply } from './reply.ts';

/** What it throws becomes a 500. */
export type Handler = (query: URLSearchParams) => Reply | Promise<Reply>;

/**
 * A route that changes something: POST only, from this host only, and not from a page in a browser, which
 * could otherwise reach loopback.
 */
export interface Action {
  readonly post: () => Promise<Reply>;
}

/** Exact paths, no patterns. */
export type Routes = Readonly<Record<string, Handler | Action>>;

/** Where a request comes from. */
export interface Sender {
  readonly address: string;
  /** The Origin header: browsers send it with every POST. */
  readonly origin: string | undefined;
}

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
  sender: Sender,
  onError: (error: unknown) => void,
): Promise<Routed> {
  const other = (reply: Reply): Routed => ({ reply, route: 'other' });
  if (url.length > MAX_URL)
    return other(failure(414, 'URL_TOO_LONG', `the request target is longer than ${MAX_URL} characters`));
  const [path = '', query = ''] = splitOnce(url, '?');
  const handler = Object.hasOwn(routes, path) ? routes[path] : undefined;
  if (!handler) return other(failure(404, 'NOT_FOUND', `no such page: ${path.slice(0, 200)}`));
  const refused = typeof handler === 'function' ? refuseRead(method) : refuseAction(method, sender);
  if (refused) return { reply: refused, route: path };
  try {
    const reply = typeof handler === 'function' ? handler(new URLSearchParams(query)) : handler.post();
    return { reply: await reply, route: path };
  } catch (error) {
    onError(error);
    const message = error instanceof Error ? error.message : 'unknown';
    return { reply: failure(500, 'INTERNAL', message), route: path };
  }
}

function refuseRead(method: string): Reply | undefined {
  if (METHODS.has(method)) return undefined;
  return failure(405, 'METHOD_NOT_ALLOWED', 'only GET and HEAD are answered', { allow: 'GET, HEAD' });
}

function refuseAction(method: string, { address, origin }: Sender): Reply | undefined {
  if (method !== 'POST')
    return failure(405, 'METHOD_NOT_ALLOWED', 'only POST is answered', { allow: 'POST' });
  if (!isLoopback(address))
    return failure(403, 'FORBIDDEN', 'this is only done for callers on the same host');
  return origin === undefined
    ? undefined
    : failure(403, 'FORBIDDEN', 'this is not done for pages of a browser');
}

function isLoopback(address: string): boolean {
  return address === '::1' || /^(::ffff:)?127\./.test(address);
}

function splitOnce(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator);
  return at === -1 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
}
