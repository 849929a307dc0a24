/** The sections `web` and `reload` of the config file: who may ask the agent what, and how. */
import { isIPv4, isIPv6 } from 'node:net';
import * as z from 'zod';
import type { ReloadConfig, WebConfig } from './effective.ts';
import { absolutePathOrNone, choice, durationMs, section } from './fields.ts';

export function web(): z.ZodType<WebConfig> {
  return section('The HTTP server', {
    listen_address: z.string().transform(toHostAndPort).prefault('127.0.0.1:19704').meta({
      description: 'Where /metrics, /api/v1/status and the health checks are served',
      allowed: 'HOST:PORT, [IPV6]:PORT, or :PORT for all interfaces',
    }),
    hosts: z
      .array(
        z.string().max(253).regex(HOST_NAME).meta({ allowed: 'a host name, or .DOMAIN for all below it' }),
      )
      .max(64)
      .prefault([])
      .meta({
        description:
          'Names by which it may be asked, beside addresses, localhost, the name of this host and the one in listen_address; others are refused (DNS rebinding)',
        allowed: 'a list of host names',
      }),
    config_file: absolutePathOrNone(
      'File with TLS, users and headers of the HTTP server, as the exporters of Prometheus take it',
    ),
    scrape_timeout: durationMs({
      default: '2s',
      min: '10ms',
      max: '1m',
      doc: 'How long a scrape waits for one collector before it goes on without it',
    }),
  }).transform((web) => ({
    ...web.listen_address,
    hosts: web.hosts,
    scrape_timeout_ms: web.scrape_timeout,
    config_file: web.config_file,
  }));
}

const HOST_NAME = /^\.?[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?$/;

export function reload(): z.ZodType<ReloadConfig> {
  return section('Who may tell the agent to read this file again, with huatuo reload', {
    socket: absolutePathOrNone("Socket for that; empty is one in the journal's directory"),
    access: choice({
      of: ['user', 'group'],
      default: 'user',
      doc: "user is the agent's own, group also those of the group of the socket's directory",
    }),
  }).refine(({ socket, access }) => access === 'user' || socket !== '', {
    path: ['access'],
    params: { allowed: "user, or reload.socket in a directory of that group: the journal's is closed to it" },
  });
}

const ADDRESS = /^(?:\[([0-9a-fA-F:.%]+)\]|([A-Za-z0-9_.-]*)):(\d{1,5})$/;

function toHostAndPort(text: string, context: z.RefinementCtx): { host: string; port: number } {
  const [, ipv6, name, digits] = ADDRESS.exec(text) ?? [];
  const port = Number(digits);
  if (port <= 0xffff && isHost(ipv6, name)) return { host: ipv6 ?? (name || '::'), port };
  context.addIssue({ code: 'custom', message: 'no address' });
  return z.NEVER;
}

/** No name ends in a number (RFC 1123): `256.1.1.1` is an address that is none, and would be asked of DNS. */
function isHost(ipv6: string | undefined, name = ''): boolean {
  if (ipv6 !== undefined) return isIPv6(ipv6);
  return isIPv4(name) || !/(?:^|\.)\d+\.?$/.test(name);
}
