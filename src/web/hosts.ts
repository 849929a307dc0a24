/**
 * By which names this agent may be asked. A page of another site that has its own name resolved to this host (DNS rebinding) is, for a
 * browser, of one origin with the agent, and could read everything; but it has to say that name.
 */

import { isIP } from 'node:net';
import type { MiddlewareHandler } from 'hono';
import { type Env, failure } from './app.ts';

const HOST = /^(?:\[([^\]]*)\]|([^:]*))(?::\d{0,5})?$/;
const SHOWN = 100;

/**
 * Whether a `Host` header is an address, or one of the names; `.example.com` stands for all names below it.
 * @param header as it was sent, with or without a port
 */
export function isKnownHost(header: string, names: Iterable<string>): boolean {
  const [, bracketed, plain = ''] = HOST.exec(header.trim()) ?? [];
  if (isIP(bracketed ?? plain) !== 0) return true;
  const name = plain.toLowerCase().replace(/\.$/, '');
  if (name === '') return false;
  for (const known of names) {
    const wanted = known.toLowerCase();
    if (name === wanted || (wanted.startsWith('.') && name.endsWith(wanted))) return true;
  }
  return false;
}

/**
 * Answers 421 to a request by another name. One without a name (HTTP/1.0) is no browser's.
 * @param names known at this moment: the host's own may change
 */
export function hostGuard(names: () => Iterable<string>): MiddlewareHandler<Env> {
  return async (c, next) => {
    // The server has deleted the header for the adapter; here is every one that was sent.
    const { rawHeaders } = c.env.incoming;
    for (let i = 0; i < rawHeaders.length; i += 2) {
      const value = rawHeaders[i + 1] ?? '';
      if (rawHeaders[i]?.toLowerCase() !== 'host' || isKnownHost(value, names())) continue;
      const message =
        `expected an address or a name of this host, found ${JSON.stringify(value.slice(0, SHOWN))}; ` +
        'if the agent is asked by that name, add it to web.hosts';
      return failure(c, 421, 'UNKNOWN_HOST', message);
    }
    return next();
  };
}
