/** `web.config_file` with real TLS: certificates, client certificates, users, and what changes while the server listens. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { renameSync, writeFileSync } from 'node:fs';
import { type RequestOptions, request } from 'node:https';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { text as readText } from 'node:stream/consumers';
import { test } from 'node:test';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { hashSync } from 'bcryptjs';
import { addPage, createApp, text } from '../../src/web/app.ts';
import { serve } from '../../src/web/serve.ts';
import type { HttpServer } from '../../src/web/server.ts';
import { directoryWith, type TemporaryDirectory } from '../config/collectors.ts';
import { certificate, certificateAuthority } from '../containers/sources/kubelet-server.ts';
import { memoryLog } from '../storage/journal/fixture.ts';
import { eventually } from '../support/eventually.ts';

const CA = await certificateAuthority('test CA');
const OTHER_CA = await certificateAuthority('another CA');
const PAIR = await certificate(CA, 'agent', ['127.0.0.1']);
const RENEWED = await certificate(CA, 'renewed agent', ['127.0.0.1']);
const CLIENT = await certificate(CA, 'client', ['client']);
const STRANGER = await certificate(OTHER_CA, 'stranger', ['client']);
const FILES = { 'agent.crt': PAIR.cert, 'agent.key': PAIR.key, 'ca.crt': CA.cert };
const TLS = { cert_file: 'agent.crt', key_file: 'agent.key' };
const USER = { authorization: `Basic ${Buffer.from('scraper:secret').toString('base64')}` };

function configured(web: object): TemporaryDirectory {
  return directoryWith({ ...FILES, 'web.yml': JSON.stringify(web) });
}

/** As one does who wants no reader to meet half a file. */
function replace(directory: TemporaryDirectory, name: string, contents: string): void {
  const made = join(directory.path, `${name}.new`);
  writeFileSync(made, contents);
  renameSync(made, join(directory.path, name));
}

function start(directory: TemporaryDirectory, log = memoryLog()): Promise<HttpServer> {
  return serve({
    web: { host: '127.0.0.1', port: 0, hosts: [], config_file: join(directory.path, 'web.yml') },
    hostLabel: () => 'node-17',
    app: (guards) => {
      const app = createApp({ onError: () => {}, onReply: () => {} }, guards);
      addPage(app, '/metrics', (c) => text(c, 'page'));
      return app;
    },
    onError: () => {},
    log,
  });
}

interface Answer {
  readonly status: number | undefined;
  readonly headers: NodeJS.Dict<string | string[]>;
  readonly body: string;
  readonly subject: string;
}

/** One request over a connection of its own. @throws what TLS says */
function get(server: HttpServer, options: RequestOptions = {}): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const { port } = server.listening;
  const asked = request(
    { host: '127.0.0.1', port, path: '/metrics', ca: CA.cert, agent: false, ...options },
    (response) => {
      const { statusCode: status, headers, socket } = response;
      const { subject } = (socket as TLSSocket).getPeerCertificate();
      readText(response).then(
        (body) => resolve({ status, headers, body, subject: String(subject.CN) }),
        reject,
      );
    },
  );
  asked.on('error', reject).end();
  return promise;
}

test('pages are served over TLS 1.2 and up, with the headers of the file', async () => {
  using directory = configured({
    tls_server_config: TLS,
    http_server_config: { headers: { 'X-Frame-Options': 'deny', 'Strict-Transport-Security': 'max-age=60' } },
  });
  await using server = await start(directory);
  const { status, body, headers } = await get(server, { maxVersion: 'TLSv1.2' });
  assert.deepEqual([status, body], [200, 'page']);
  assert.equal(headers['x-frame-options'], 'deny');
  assert.equal(headers['strict-transport-security'], 'max-age=60');
  await assert.rejects(get(server, { maxVersion: 'TLSv1.1', minVersion: 'TLSv1.1' }));
  await assert.rejects(fetch(`http://127.0.0.1:${server.listening.port}/metrics`));
});

test('a least version of 1.3 is kept', async () => {
  using directory = configured({ tls_server_config: { ...TLS, min_version: 'TLS13' } });
  await using server = await start(directory);
  await assert.rejects(get(server, { maxVersion: 'TLSv1.2' }));
  assert.equal((await get(server)).status, 200);
});

test('a name that is not this host is refused over TLS too', async () => {
  using directory = configured({ tls_server_config: TLS });
  await using server = await start(directory);
  assert.equal((await get(server, { headers: { host: 'evil.example' }, servername: '' })).status, 421);
  assert.equal((await get(server, { headers: { host: 'node-17' }, servername: '' })).status, 200);
});

for (const [policy, allowed] of Object.entries({
  RequestClientCert: { none: true, stranger: true, client: true },
  RequireAnyClientCert: { none: false, stranger: true, client: true },
  VerifyClientCertIfGiven: { none: true, stranger: false, client: true },
  RequireAndVerifyClientCert: { none: false, stranger: false, client: true },
})) {
  test(`${policy} lets in who shows what it asks for`, async () => {
    const verifies = policy.includes('Verify');
    using directory = configured({
      tls_server_config: { ...TLS, client_auth_type: policy, ...(verifies && { client_ca_file: 'ca.crt' }) },
    });
    await using server = await start(directory);
    const shown = { none: {}, stranger: STRANGER, client: CLIENT };
    for (const [who, pair] of Object.entries(shown)) {
      const isIn = await get(server, pair).then(
        ({ status }) => status === 200,
        () => false,
      );
      assert.equal(isIn, allowed[who as keyof typeof allowed], who);
    }
  });
}

test('users are asked for their password on every page', async () => {
  using directory = configured({ basic_auth_users: { scraper: hashSync('secret', 4) } });
  await using server = await start(directory);
  const url = `http://127.0.0.1:${server.listening.port}`;
  for (const path of ['/metrics', '/', '/-/healthy', '/nothing']) {
    const refused = await fetch(url + path);
    assert.equal(refused.status, 401, path);
    assert.match(refused.headers.get('www-authenticate') ?? '', /^Basic /);
  }
  const passed = await fetch(`${url}/metrics`, { headers: USER });
  assert.deepEqual([passed.status, await passed.text()], [200, 'page']);
});

test('a user who is removed is refused by the next request; a file that became invalid changes nothing', async () => {
  const web = { basic_auth_users: { scraper: hashSync('secret', 4) } };
  using directory = configured(web);
  const log = memoryLog();
  await using server = await start(directory, log);
  const status = async (): Promise<number> =>
    (await fetch(`http://127.0.0.1:${server.listening.port}/metrics`, { headers: USER })).status;
  assert.equal(await status(), 200);
  replace(directory, 'web.yml', 'basic_auth_users: { scraper: no hash }');
  assert.equal(await status(), 200);
  assert.match(log.lines.join('\n'), /error web\.config_file is not usable/);
  // Written in place: it is empty at first.
  writeFileSync(join(directory.path, 'web.yml'), '');
  assert.equal((await fetch(`http://127.0.0.1:${server.listening.port}/metrics`)).status, 401);
  assert.equal(await status(), 200);
  replace(directory, 'web.yml', JSON.stringify({ basic_auth_users: { other: hashSync('x', 4) } }));
  // Those that come while it is read are no exception.
  assert.deepEqual(await Promise.all([1, 2, 3, 4, 5].map(status)), [401, 401, 401, 401, 401]);
  replace(directory, 'web.yml', JSON.stringify(web));
  assert.equal(await status(), 200);
  replace(directory, 'web.yml', '{}');
  assert.equal(await status(), 200);
  assert.match(log.lines.join('\n'), /warn web\.config_file has neither users nor TLS any more/);
});

test('a renewed certificate is shown to new connections', async () => {
  using directory = configured({ tls_server_config: TLS });
  await using server = await start(directory);
  assert.equal((await get(server)).subject, 'agent');
  replace(directory, 'agent.key', RENEWED.key);
  replace(directory, 'agent.crt', RENEWED.cert);
  await eventually('the renewed certificate', async () => (await get(server)).subject === 'renewed agent');
});

test('200 connections that never shake hands, or say nothing after it, keep no scrape out', async () => {
  using directory = configured({ tls_server_config: TLS });
  await using server = await start(directory);
  const { port } = server.listening;
  const sockets: Socket[] = [];
  for (let i = 0; i < 200; i++) {
    const raw = connect(port, '127.0.0.1').on('error', () => undefined);
    sockets.push(raw);
    await once(raw, 'connect');
    if (i % 2 === 0)
      sockets.push(connectTls({ socket: raw, ca: CA.cert, host: '127.0.0.1' }).on('error', () => undefined));
  }
  for (let i = 0; i < 5; i++) assert.equal((await get(server)).body, 'page');
  assert.ok(server.connections.ended.idle >= 130, JSON.stringify(server.connections.ended));
  assert.ok(server.connections.open <= 64);
  for (const socket of sockets) socket.destroy();
});

test('TLS is not switched off under clients that rely on it', async () => {
  using directory = configured({ tls_server_config: TLS });
  const log = memoryLog();
  await using server = await start(directory, log);
  replace(directory, 'web.yml', '{}');
  await get(server);
  assert.match(log.lines.join('\n'), /error whether there is TLS.*restart/);
  assert.equal((await get(server)).status, 200);
});

test('a file that is invalid at the start keeps the server from starting', async () => {
  using directory = configured({ tls_server_config: { ...TLS, key_file: 'ca.crt' } });
  await assert.rejects(start(directory), { code: 'CONFIG_INVALID', message: /tls_server_config\.cert_file/ });
});
