/**
 * The file of `web.config_file`: TLS, users and headers of the HTTP server, in the format of the exporters of Prometheus
 * (https://github.com/prometheus/exporter-toolkit/blob/master/docs/web-configuration.md).
 */
import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { createSecureContext } from 'node:tls';
import * as z from 'zod';
import { HuatuoError } from '../error.ts';
import { showPath } from '../text.ts';
import { ConfigFiles } from './config-files.ts';
import { isTree, jsonSchema, valueAt } from './describe.ts';
import { explain } from './explain.ts';
import { ConfigError, type ConfigIssue } from './issues.ts';
import type { YamlFile } from './yaml-file.ts';

const CLIENT_AUTH = [
  'NoClientCert',
  'RequestClientCert',
  'RequireAnyClientCert',
  'VerifyClientCertIfGiven',
  'RequireAndVerifyClientCert',
] as const;
const VERSIONS = { TLS12: 'TLSv1.2', TLS13: 'TLSv1.3' } as const;
const REMEDY =
  'docs/web-configuration.md of the Prometheus exporter-toolkit describes every key of this file';
/** Those of the format that no page of ours depends on. */
const HEADERS = [
  'Content-Security-Policy',
  'Strict-Transport-Security',
  'X-Content-Type-Options',
  'X-Frame-Options',
  'X-XSS-Protection',
] as const;
/** Of the format, and not ours. */
const NOT_IMPLEMENTED: ReadonlySet<string> = new Set([
  'cert',
  'key',
  'client_ca',
  'client_allowed_sans',
  'max_version',
  'cipher_suites',
  'prefer_server_cipher_suites',
  'curve_preferences',
  'rate_limit',
]);
/** 2 to the power of the last is what one wrong password costs: about a second. */
const BCRYPT = /^\$2[aby]\$(0[4-9]|1[0-4])\$[./A-Za-z0-9]{53}$/;
const MAX_USERS = 64;

export type ClientAuth = (typeof CLIENT_AUTH)[number];

/** Plain data, so it crosses threads as it is. */
export interface WebFile {
  readonly tls?: WebTls;
  /** bcrypt hashes by name; without users everyone is served. */
  readonly users: Readonly<Record<string, string>>;
  readonly headers: Readonly<Record<string, string>>;
  /** Every file that this was read from: one that changes is reason to read again. */
  readonly files: readonly string[];
}

/** PEM texts, which fit each other. */
export interface WebTls {
  readonly cert: string;
  readonly key: string;
  readonly ca?: string;
  readonly clientAuth: ClientAuth;
  readonly minVersion: (typeof VERSIONS)[keyof typeof VERSIONS];
}

const path = z
  .string()
  .min(1)
  .max(4096)
  .meta({ allowed: 'a path, absolute or from the directory of this file' });

const SCHEMA = z.strictObject({
  tls_server_config: z
    .strictObject({
      cert_file: path,
      key_file: path,
      client_auth_type: z.enum(CLIENT_AUTH).default('NoClientCert'),
      client_ca_file: path.optional(),
      min_version: z.enum(['TLS12', 'TLS13']).default('TLS12'),
    })
    .refine((tls) => verifies(tls.client_auth_type) === (tls.client_ca_file !== undefined), {
      path: ['client_ca_file'],
      params: { allowed: 'a file when client_auth_type verifies certificates, else none' },
    })
    .optional(),
  http_server_config: z
    .strictObject({
      http2: z.literal(false).optional().meta({ allowed: 'false: there is no HTTP/2 here' }),
      headers: z
        .strictObject(
          Object.fromEntries(
            HEADERS.map((name) => [
              name,
              z
                .string()
                .max(4096)
                .regex(/^[\x20-\x7e]+$/)
                .optional(),
            ]),
          ),
        )
        .default({}),
    })
    .default({ headers: {} }),
  // Looked at below: an error of the schema would show the hash.
  basic_auth_users: z.record(z.string(), z.unknown()).nullable().optional(),
});

function verifies(type: ClientAuth): boolean {
  return type === 'VerifyClientCertIfGiven' || type === 'RequireAndVerifyClientCert';
}

/**
 * Reads the file and those it names.
 * @throws HuatuoError CONFIG_UNREADABLE; ConfigError with every fault, none of which shows a secret
 */
export function readWebFile(file: string): WebFile {
  const yaml = readYaml(file);
  const checked = SCHEMA.safeParse(yaml.root);
  const node = jsonSchema(SCHEMA);
  const issues = [
    ...yaml.issues,
    ...explain(checked.error?.issues ?? [], { node, yaml, overrides: [], merged: yaml.root }).map(
      notImplemented,
    ),
    ...userIssues(yaml),
  ];
  if (!checked.success || issues.length > 0) throw new ConfigError(issues, { remedy: REMEDY });
  const { tls_server_config, http_server_config, basic_auth_users } = checked.data;
  const users = (basic_auth_users ?? {}) as Record<string, string>;
  const headers = http_server_config.headers as Record<string, string>;
  if (!tls_server_config) return { users, headers, files: [file] };
  const { client_auth_type, min_version, ...paths } = tls_server_config;
  const at = (name: string): string => resolve(dirname(file), name);
  const read = (key: keyof typeof paths): string => readPem(yaml, key, at(paths[key] ?? ''));
  const tls: WebTls = {
    cert: read('cert_file'),
    key: read('key_file'),
    ...(paths.client_ca_file !== undefined && { ca: read('client_ca_file') }),
    clientAuth: client_auth_type,
    minVersion: VERSIONS[min_version],
  };
  requirePair(yaml, tls);
  return {
    tls,
    users,
    headers,
    files: [
      file,
      ...Object.values(paths)
        .filter((name) => name !== undefined)
        .map(at),
    ],
  };
}

/** With what helps with this file, and not with the agent's own. */
function readYaml(file: string): YamlFile {
  try {
    return new ConfigFiles({ regularOnly: true }).yaml(file);
  } catch (cause) {
    if (cause instanceof ConfigError) throw new ConfigError(cause.issues, { cause, remedy: REMEDY });
    const reason = cause instanceof HuatuoError ? cause.cause : cause;
    throw new HuatuoError('CONFIG_UNREADABLE', {
      expected: 'a readable web.config_file',
      found: reason instanceof Error ? reason.message : `${file}, which is not a regular file`,
      remedy: 'make it readable, or name another with web.config_file',
      cause,
    });
  }
}

function notImplemented(issue: ConfigIssue): ConfigIssue {
  const [key = ''] = issue.path.split('.').slice(-1);
  if (issue.found !== 'an unknown key' || !NOT_IMPLEMENTED.has(key)) return issue;
  const { suggestion, ...rest } = issue;
  return { ...rest, found: 'a key that is not implemented here' };
}

function userIssues(yaml: YamlFile): ConfigIssue[] {
  const users = valueAt(yaml.root, ['basic_auth_users']);
  if (!isTree(users)) return [];
  const names = Object.keys(users);
  const issue = (path: readonly string[], found: string, expected: string): ConfigIssue => ({
    source: yaml.file,
    ...yaml.positionOf(path),
    path: showPath(path),
    found,
    expected,
  });
  return [
    ...(names.length > MAX_USERS
      ? [issue(['basic_auth_users'], `${names.length} users`, `at most ${MAX_USERS}`)]
      : []),
    ...names
      .filter((name) => !BCRYPT.test(String(users[name])))
      .map((name) =>
        issue(
          ['basic_auth_users', name],
          'something else',
          'a bcrypt hash with a cost of 4 to 14, as of htpasswd -nBC 10',
        ),
      ),
    ...names
      .filter((name) => name === '' || name.includes(':'))
      .map((name) => issue(['basic_auth_users', name], 'this name', 'a name without a colon')),
  ];
}

function readPem(yaml: YamlFile, key: string, file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw fault(yaml, key, (cause as Error).message, 'a readable file', cause);
  }
}

function requirePair(yaml: YamlFile, { cert, key, ca }: WebTls): void {
  try {
    createSecureContext({ cert, key, ...(ca !== undefined && { ca }) });
  } catch (cause) {
    throw fault(
      yaml,
      'cert_file',
      (cause as Error).message,
      'a certificate in PEM that fits key_file',
      cause,
    );
  }
}

function fault(yaml: YamlFile, key: string, found: string, expected: string, cause: unknown): ConfigError {
  const path = ['tls_server_config', key];
  return new ConfigError(
    [{ source: yaml.file, ...yaml.positionOf(path), path: showPath(path), found, expected }],
    { cause, remedy: REMEDY },
  );
}
