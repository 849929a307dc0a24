/** Asks an app as the server does, for targets, methods and senders that no client on this host can have. */
import type { HttpBindings } from '@hono/node-server';
import type { App } from '../../src/web/app.ts';

/** Where a request comes from, and what it says. */
interface Sender {
  readonly address: string;
  readonly headers: Readonly<Record<string, string>>;
}

export const LOCAL: Sender = { address: '127.0.0.1', headers: {} };

export interface Reply {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
  readonly headers: Readonly<Record<string, string>>;
}

export async function ask(app: App, method: string, target: string, sender: Sender = LOCAL): Promise<Reply> {
  const query = target.includes('?') ? target.slice(target.indexOf('?')) : '';
  const headers = new Headers(sender.headers);
  const rawHeaders = Object.entries(sender.headers).flat();
  // What of a request the app reads; a real one takes no method that fetch() does not know.
  const request = { method, url: `http://localhost/${query}`, headers } as Request;
  const env = {
    incoming: { url: target, rawHeaders, socket: { remoteAddress: sender.address } },
  } as HttpBindings;
  const response = await app.fetch(request, env);
  return {
    status: response.status,
    contentType: response.headers.get('content-type') ?? '',
    body: await response.text(),
    headers: Object.fromEntries(response.headers),
  };
}
