/** What `web.config_file` says about every answer: its headers, and who gets one. */
import type { MiddlewareHandler } from 'hono';
import type { WebFile } from '../config/web-file.ts';
import { type Env, failure } from './app.ts';
import { BasicAuth } from './basic-auth.ts';

const CHALLENGE = 'Basic realm="huatuo", charset="UTF-8"';

/** @param fresh the file as it is now */
export function webFileGuard(
  fresh: () => Promise<Pick<WebFile, 'users' | 'headers'>>,
  auth: BasicAuth = new BasicAuth(),
): MiddlewareHandler<Env> {
  return async (c, next) => {
    const { users, headers } = await fresh();
    const setHeaders = (): void => {
      for (const [name, value] of Object.entries(headers)) c.header(name, value);
    };
    const serve = async (): Promise<void> => {
      await next();
      // After the page, which may have one of its own.
      setHeaders();
    };
    if (Object.keys(users).length === 0) return serve();
    setHeaders();
    const address = c.env.incoming.socket.remoteAddress ?? '';
    switch (await auth.check(users, c.req.header('authorization'), address)) {
      case 'passed':
        return serve();
      case 'refused':
        c.header('www-authenticate', CHALLENGE);
        return failure(c, 401, 'UNAUTHORIZED', 'name and password of a user in web.config_file are needed');
      case 'too_many':
        c.header('retry-after', '60');
        return failure(c, 429, 'TOO_MANY_FAILURES', 'too many wrong passwords from this address');
      case 'busy':
        c.header('retry-after', '1');
        return failure(c, 503, 'BUSY', 'other passwords are being checked');
    }
  };
}
