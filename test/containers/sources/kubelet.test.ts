import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import type { RequestListener } from 'node:http';
import type { ServerOptions } from 'node:https';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TLSSocket } from 'node:tls';
import { inspect } from 'node:util';
import { type KubeletOptions, kubelet } from '../../../src/containers/sources/kubelet.ts';
import type { ContainerDetails } from '../../../src/containers/sources/source.ts';
import { HuatuoError } from '../../../src/error.ts';
import { eventually } from '../../support/eventually.ts';
import { certificate, certificateAuthority, Files, KubeletServer, type Pair } from './kubelet-server.ts';

const PODS = readFileSync(join(import.meta.dirname, '../../../../test/fixtures/kubelet/crio.json'), 'utf8');
const TOKEN = 'header.payload-0123456789.signature';

const ca = await certificateAuthority('cluster');
const otherCa = await certificateAuthority('somebody else');
const node = await certificate(ca, 'node-a', ['node-a', '127.0.0.1']);
const client = await certificate(ca, 'agent', ['agent']);
const stranger = await certificate(otherCa, 'agent', ['agent']);

const pods: RequestListener = (request, response) => {
  if (request.url !== '/pods' || request.method !== 'GET') response.writeHead(404);
  response.end(request.url === '/pods' ? PODS : '');
};

/** As kubelet does it: a certificate is asked for, and whoever has none is anonymous and told 401. */
const authenticated: RequestListener = (request, response) => {
  const socket = request.socket as TLSSocket;
  if (socket.authorized || request.headers.authorization === `Bearer ${TOKEN}`)
    return pods(request, response);
  response.writeHead(401).end('Unauthorized');
};

function list(
  options: KubeletOptions,
  signal = AbortSignal.timeout(20_000),
): Promise<readonly ContainerDetails[]> {
  return kubelet(options).list(signal);
}

/** Rejects as it should: with the code, such a message, and no secret anywhere in the error. */
async function refused(options: KubeletOptions, message: RegExp, signal?: AbortSignal): Promise<HuatuoError> {
  const error: unknown = await list(options, signal).then(
    (found) => assert.fail(`${found.length} containers`),
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof HuatuoError, inspect(error));
  assert.equal(error.code, 'CONTAINER_SOURCE_FAILED');
  assert.match(error.message, message);
  assert.doesNotMatch(inspect(error, { depth: 9 }), /0123456|PRIVATE KEY/);
  return error;
}

async function names(options: KubeletOptions): Promise<string[]> {
  return (await list(options)).flatMap(({ name = '', of }) => (of === undefined ? [name] : []));
}

/** An https server with this certificate and the CA's file. */
async function tls(
  answer: RequestListener = pods,
  { pair = node, ...options }: { readonly pair?: Pair } & ServerOptions = {},
): Promise<{ url: string; server: KubeletServer } & AsyncDisposable> {
  const server = await KubeletServer.start(answer, { ...pair, ca: ca.cert, ...options });
  return {
    url: `https://${server.host}`,
    server,
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

test('the read-only port: one GET of /pods, and the connection is gone', async () => {
  await using server = await KubeletServer.start(pods);
  using source = kubelet({ url: `http://${server.host}/` });
  assert.deepEqual([source.name, source.place, source.present()], ['kubelet', `http://${server.host}`, true]);
  assert.equal(source.leftOut, undefined);
  const [api] = await source.list(AbortSignal.timeout(20_000));
  assert.equal(api?.podName, 'api-1');
  assert.deepEqual(source.leftOut, { malformed: 0, overLimit: 0 });
  await eventually('the connection to close', () => server.open === 0);
  assert.equal(server.connections, 1);
});

test('https with a client certificate, in two files and in one', async () => {
  using files = new Files();
  await using kubelet = await tls(authenticated, { requestCert: true, rejectUnauthorized: false });
  const trusted = { url: kubelet.url, ca: files.write('ca', ca.cert) };
  const clientCertificate = files.write('client', client.cert);
  assert.deepEqual(
    await names({ ...trusted, clientCertificate, clientKey: files.write('key', client.key) }),
    ['api'],
  );
  assert.deepEqual(
    await names({ ...trusted, clientCertificate: files.write('both', `${client.cert}\n${client.key}`) }),
    ['api'],
  );
});

test('https with a bearer token, which is read again for each list', async () => {
  using files = new Files();
  await using server = await tls(authenticated);
  using source = kubelet({
    url: server.url,
    ca: files.write('ca', ca.cert),
    token: files.write('token', 'expired-0123456789'),
  });
  await assert.rejects(source.list(AbortSignal.timeout(20_000)), /HTTP status 401/);
  files.write('token', `${TOKEN}\n`);
  assert.equal((await source.list(AbortSignal.timeout(20_000)))[0]?.podName, 'api-1');
});

test('no credentials, a bad token, a certificate of another CA: 401, and what to give', async () => {
  using files = new Files();
  await using kubelet = await tls(authenticated, { requestCert: true, rejectUnauthorized: false });
  const trusted = { url: kubelet.url, ca: files.write('ca', ca.cert) };
  const expected =
    /HTTP status 401; give containers\.kubelet\.client_certificate or containers\.kubelet\.token/;
  await refused(trusted, expected);
  await refused({ ...trusted, token: files.write('token', 'other-payload-0123456789') }, expected);
  await refused(
    { ...trusted, clientCertificate: files.write('both', `${stranger.cert}\n${stranger.key}`) },
    expected,
  );
});

test('a server that demands a client certificate and gets none hangs up; the remedy says so', async () => {
  using files = new Files();
  for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
    await using kubelet = await tls(pods, { requestCert: true, rejectUnauthorized: true, maxVersion });
    await refused(
      { url: kubelet.url, ca: files.write('ca', ca.cert) },
      /demands a client certificate, give containers\.kubelet\.client_certificate/,
    );
  }
});

test('403 names the right that is missing, other statuses the address; redirects are not followed', async () => {
  using files = new Files();
  let status = 403;
  await using target = await KubeletServer.start(pods);
  await using kubelet = await tls((_, response) => {
    response.writeHead(status, { location: `http://${target.host}/pods` }).end('no');
  });
  const options = { url: kubelet.url, ca: files.write('ca', ca.cert), token: files.write('token', TOKEN) };
  await refused(options, /HTTP status 403; .*service account needs get on nodes\/proxy/);
  status = 404;
  await refused(options, /HTTP status 404; check containers\.kubelet\.url/);
  status = 500;
  await refused(options, /HTTP status 500/);
  status = 302;
  await refused(options, /HTTP status 302/);
  assert.equal(target.connections, 0);
});

test('nobody is trusted unverified: no CA, another CA, a name that is not in the certificate, an expired one', async () => {
  using files = new Files();
  const day_ms = 86_400_000;
  const expired = await certificate(ca, 'node-a', ['127.0.0.1'], {
    notBeforeDate: new Date(Date.now() - 9 * day_ms),
    notAfterDate: new Date(Date.now() - day_ms),
  });
  const asked: string[] = [];
  const answer: RequestListener = (request, response) => {
    asked.push(`${request.headers.authorization}`);
    pods(request, response);
  };
  const trusted = files.write('ca', ca.cert);
  const token = files.write('token', TOKEN);
  const giveCa = /certificate.*; give containers\.kubelet\.ca the CA that signed kubelet's certificate/;
  {
    await using kubelet = await tls(answer);
    await refused({ url: kubelet.url, token }, giveCa);
    await refused({ url: kubelet.url, token, ca: files.write('other', otherCa.cert) }, giveCa);
    await refused(
      { url: kubelet.url, token, ca: trusted, serverName: 'node-b' },
      /node-b.*; set containers\.kubelet\.server_name/,
    );
  }
  {
    await using kubelet = await tls(answer, { pair: expired });
    await refused({ url: kubelet.url, token, ca: trusted }, /expired; renew kubelet's serving certificate/);
  }
  {
    await using kubelet = await tls(answer, { pair: await certificate(ca, 'node-a', ['node-a']) });
    await refused(
      { url: kubelet.url, token, ca: trusted },
      /altnames.*; set containers\.kubelet\.server_name/,
    );
    assert.deepEqual(asked, [], 'nobody got the token');
    assert.deepEqual(await names({ url: kubelet.url, ca: trusted, serverName: 'node-a' }), ['api']);
  }
});

test('a certificate that kubelet signed for itself is trusted when its file is given', async () => {
  using files = new Files();
  const own = await certificateAuthority('node-a-ca@1700000000');
  const pair = await certificate(own, 'node-a@1700000000', ['node-a']);
  await using kubelet = await tls(pods, { pair });
  const bundle = files.write('kubelet.crt', `${pair.cert}\n${own.cert}`);
  assert.deepEqual(await names({ url: kubelet.url, ca: bundle, serverName: 'node-a' }), ['api']);
});

test('the environment cannot switch verification off', async () => {
  await using kubelet = await tls();
  const former = process.env.NODE_TLS_REJECT_UNAUTHORIZED;
  process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0';
  try {
    await refused({ url: kubelet.url }, /give containers\.kubelet\.ca/);
  } finally {
    if (former === undefined) delete process.env.NODE_TLS_REJECT_UNAUTHORIZED;
    else process.env.NODE_TLS_REJECT_UNAUTHORIZED = former;
  }
});

test('a server that never answers is let go when the signal aborts, and when the source is closed', async () => {
  using files = new Files();
  await using silent = await tls(() => undefined);
  const options = { url: silent.url, ca: files.write('ca', ca.cert) };
  const deadline = new AbortController();
  const waiting = refused(options, /no complete answer/, deadline.signal);
  await eventually('a connection', () => silent.server.open === 1);
  deadline.abort();
  await waiting;
  await eventually('the connection to close', () => silent.server.open === 0);

  const source = kubelet(options);
  const cut = assert.rejects(source.list(AbortSignal.timeout(20_000)), { code: 'CONTAINER_SOURCE_FAILED' });
  await eventually('a connection', () => silent.server.open === 1);
  source[Symbol.dispose]();
  await cut;
  await eventually('the connection to close', () => silent.server.open === 0);
});

test('truncated JSON, a web page, JSON of another shape, a port that nobody listens on', async () => {
  let body = PODS.slice(0, 200);
  const server = await KubeletServer.start((_, response) => void response.end(body));
  const url = `http://${server.host}`;
  {
    await using _ = server;
    await refused({ url }, /not JSON/);
    body = '<html>login</html>';
    await refused({ url }, /not JSON/);
    // V8 quotes the text around such an error, and in a list of pods that may be a password.
    body = '{"items":[p0123456789';
    await refused({ url }, /not JSON/);
    body = '{"kind":"Status"}';
    await refused({ url }, /expected a list of pods from kubelet/);
  }
  await refused({ url }, /ECONNREFUSED.*; check that kubelet runs/);
});

test('http at an https port and the other way round are told apart from other failures', async () => {
  await using plain = await KubeletServer.start(pods);
  await refused(
    { url: `https://${plain.host}` },
    /; check containers\.kubelet\.url: this port does not speak https/,
  );
  // What Go's server says to plain http on its TLS port.
  await using go = await KubeletServer.start((_, response) => void response.writeHead(400).end());
  await refused({ url: `http://${go.host}` }, /HTTP status 400; .*port 10250 wants https/);
  await using secure = await tls();
  await refused({ url: secure.url.replace('https', 'http') }, /one for http or https as written/);
});

test('files that cannot be used are named, without what is in them', async () => {
  using files = new Files();
  const url = 'https://127.0.0.1:1';
  const fifo = join(files.directory, 'fifo');
  spawnSync('mkfifo', [fifo]);
  const missing = join(files.directory, 'missing');
  const both = files.write('both', `${client.cert}\n${client.key}`);
  const secret = files.write('secret', 'payload-0123456789 with blanks');
  const cases: [KubeletOptions, RegExp][] = [
    [{ url, token: missing }, /file \S+missing for containers\.kubelet\.token.*ENOENT/],
    [{ url, token: fifo }, /fifo.*not a regular file/],
    [{ url, token: files.directory }, /not a regular file/],
    [{ url, token: files.write('empty', '\n') }, /empty for containers\.kubelet\.token.*an empty file/],
    [{ url, token: secret }, /secret for containers\.kubelet\.token.*bytes that no token has/],
    [{ url, token: files.write('large', 'x'.repeat(1024 * 1024 + 1)) }, /large.*1048577 bytes/],
    [{ url, ca: secret }, /secret for containers\.kubelet\.ca.*no certificate in PEM/],
    [
      { url, clientCertificate: secret },
      /secret for containers\.kubelet\.client_certificate.*no certificate/,
    ],
    [{ url, clientCertificate: files.write('cert', client.cert) }, /cert for .*client_certificate/],
    [{ url, clientCertificate: both, clientKey: files.write('key', stranger.key) }, /both and \S+key for /],
  ];
  for (const [options, message] of cases) await refused(options, message);
});

test('options that contradict each other are refused before anything is opened', async () => {
  await using server = await KubeletServer.start(pods);
  const url = `http://${server.host}`;
  const cases: [KubeletOptions, RegExp][] = [
    [{ url, token: '/nowhere' }, /found http:\/\/, where a token would go in clear/],
    [{ url, ca: '/nowhere' }, /https:\/\/ with a token/],
    [{ url: `https://${server.host}`, clientKey: '/nowhere' }, /client_certificate beside client_key/],
    [{ url: `https://${server.host}`, serverName: '192.0.2.10' }, /a DNS name as server_name/],
    [{ url: `http://user:payload-0123456789@${server.host}` }, /a URL without credentials/],
    [{ url: 'unix:///run/kubelet.sock' }, /an http:\/\/ or https:\/\/ URL/],
    [{ url: '127.0.0.1' }, /an http:\/\/ or https:\/\/ URL/],
  ];
  for (const [options, message] of cases) await refused(options, message);
  assert.doesNotMatch(kubelet({ url: 'http://user:payload@127.0.0.1:1' }).place, /user|payload/);
  assert.equal(server.connections, 0);
});
