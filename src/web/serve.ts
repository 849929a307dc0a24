/** From the section `web` of the configuration to a server: over what it speaks, and whom it lets in by which name. */

import { isIP } from 'node:net';
import { hostname } from 'node:os';
import type { MiddlewareHandler } from 'hono';
import type { WebConfig } from '../config/effective.ts';
import type { WebFile } from '../config/web-file.ts';
import type { Log } from '../sdk/context.ts';
import type { App, Env } from './app.ts';
import { hostGuard } from './hosts.ts';
import { type HttpServer, listen } from './server.ts';
import { WebFileFollower } from './web-file-follower.ts';
import { webFileGuard } from './web-file-guard.ts';

/** A request looks by itself, but a connection has its certificate before it has a request. */
const LOOK_MS = 10_000;

interface ServeOptions {
  readonly web: Pick<WebConfig, 'host' | 'port' | 'hosts' | 'config_file'>;
  /** What this host is called in metrics, as far as it is known. */
  hostLabel(): string;
  /** @param guards asked before any page */
  app(guards: readonly MiddlewareHandler<Env>[]): App;
  onError(error: unknown): void;
  readonly log: Log;
}

/** @throws HuatuoError PORT_IN_USE, LISTEN_FAILED, CONFIG_UNREADABLE, CONFIG_INVALID */
export async function serve({ web, hostLabel, app, onError, log }: ServeOptions): Promise<HttpServer> {
  const { host, port, hosts, config_file } = web;
  const own = ['localhost', ...(isIP(host) === 0 ? [host] : []), ...hosts];
  const guards = [hostGuard(() => [...own, hostLabel(), hostname()])];
  if (config_file === '') return listen({ host, port, app: app(guards), onError });

  const follower = await WebFileFollower.open(config_file, (file) => changed(file), log);
  const first = follower.value;
  const pages = app([...guards, webFileGuard(() => follower.fresh())]);
  const server = await listen({ host, port, app: pages, tls: first.tls, onError });
  const changed = ({ tls }: WebFile): void => {
    if (tls?.clientAuth !== first.tls?.clientAuth)
      log.error(
        'whether there is TLS, and client_auth_type, change with a restart of the agent; now they stay',
        {
          file: config_file,
        },
      );
    else if (tls) server.setTls(tls);
  };
  const look = first.tls && setInterval(() => void follower.fresh(), LOOK_MS).unref();
  return {
    ...server,
    [Symbol.asyncDispose]: () => {
      clearInterval(look);
      return server[Symbol.asyncDispose]();
    },
  };
}
