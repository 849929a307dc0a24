import assert from 'node:assert/strict';
import { lookup } from 'node:dns/promises';
import { connect } from 'node:net';
import { test } from 'node:test';
import { streamSSE } from 'hono/streaming';
import { addPage, createApp, type Page, text } from '../../src/web/app.ts';
import { type HttpServer, type Limits, listen as listenAt } from '../../src/web/server.ts';

function listen(
  pages: Readonly<Record<string, Page>>,
  port = 0,
  host = '127.0.0.1',
  limits: Partial<Limits> = {},
): Promise<HttpServer> {
  const app = createApp({ onError: () => {}, onReply: () => {} });
  for (const [path, page] of Object.entries(pages)) addPage(app, path, page);
  return listenAt({ host, port, app, limits, onError: () => {} });
}

const urlOf = (server: HttpServer): string => `http://127.0.0.1:${server.listening.port}`;

/** Sends raw bytes and returns all that comes back. */
function raw(server: HttpServer, bytes: string): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const socket = connect(server.listening.port, '127.0.0.1', () => socket.write(bytes));
  let answer = '';
  socket.setEncoding('utf8');
  socket.on('data', (chunk) => {
    answer += chunk;
  });
  socket.on('close', () => resolve(answer));
  socket.on('error', reject);
  return promise;
}

test('an answer carries its length and the security headers', async () => {
  await using server = await listen({ '/': (c) => text(c, 'grüße') });
  const response = await fetch(urlOf(server));
  assert.equal(await response.text(), 'grüße');
  const { headers } = response;
  assert.equal(headers.get('content-length'), '7');
  assert.equal(headers.get('x-content-type-options'), 'nosniff');
  assert.equal(headers.get('cache-control'), 'no-store');
  assert.match(headers.get('content-security-policy') ?? '', /default-src 'none'/);
});

test('HEAD has the headers of GET and no body', async () => {
  await using server = await listen({ '/': (c) => text(c, 'body') });
  const response = await fetch(urlOf(server), { method: 'HEAD' });
  assert.equal(response.headers.get('content-length'), '4');
  assert.equal(await response.text(), '');
});

test('of forty requests at once eight are kept for scrapes; one more is told to come back', async () => {
  const held = Promise.withResolvers<void>();
  let entered = 0;
  const page: Page = async (c) => {
    entered++;
    await held.promise;
    return text(c, 'late');
  };
  await using server = await listen({ '/': page, '/metrics': page });
  const requests: Promise<Response>[] = [];
  for (const [path, most] of [
    ['/', 32],
    ['/metrics', 40],
  ] as const) {
    while (requests.length < most) requests.push(fetch(urlOf(server) + path));
    while (entered < most) await new Promise((resolve) => setImmediate(resolve));
    const busy = await fetch(urlOf(server) + path);
    assert.equal(busy.status, 503);
    assert.equal(busy.headers.get('retry-after'), '1');
  }
  held.resolve();
  for (const response of await Promise.all(requests)) assert.equal(response.status, 200);
});

test('garbage and oversized headers end the connection, not the server', async () => {
  await using server = await listen({ '/': (c) => text(c, 'still here') });
  assert.match(await raw(server, '\u0000\u0001\r\n\r\n'), /^HTTP\/1.1 400/);
  assert.match(
    await raw(server, `GET / HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`),
    /^HTTP\/1.1 431/,
  );
  assert.equal(await (await fetch(urlOf(server))).text(), 'still here');
});

test('no form of a host is too much for the adapter, and a request may name none', async () => {
  await using server = await listen({ '/': (c) => text(c, 'here') });
  for (const head of ['HTTP/1.1\r\nHost: [2001:DB8:0:0::1]:9704', 'HTTP/1.1\r\nHost: @', 'HTTP/1.0'])
    assert.match(await raw(server, `GET / ${head}\r\nConnection: close\r\n\r\n`), /^HTTP\/1.1 200 .*here$/s);
});

test('a target that is no path is 404 with a JSON error', async () => {
  await using server = await listen({ '/': (c) => text(c, 'here') });
  for (const target of ['*', 'http://[', 'http://user@host/', 'ftp://host/', '/\\', '/./'])
    assert.match(
      await raw(server, `GET ${target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`),
      /^HTTP\/1.1 404 .*"NOT_FOUND"/s,
      target,
    );
});

test('a target in absolute form is its path, and the host in it is one that is asked', async () => {
  const hosts: string[] = [];
  const page: Page = (c) => {
    const { rawHeaders } = c.env.incoming;
    hosts.push(...rawHeaders.filter((_, i) => rawHeaders[i - 1]?.toLowerCase() === 'host'));
    return text(c, `query ${c.req.query('q')}`);
  };
  await using server = await listen({ '/': page, '/metrics': page });
  for (const target of ['http://other/metrics?q=1', 'HTTP://[::1]:9704/metrics?q=1', 'https://other:1?q=1'])
    assert.match(
      await raw(server, `GET ${target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`),
      /^HTTP\/1.1 200 .*query 1$/s,
      target,
    );
  assert.deepEqual(hosts, ['a', 'other', 'a', '[::1]:9704', 'a', 'other:1']);
});

test('a page without an end arrives as it is written, until the server closes', async () => {
  const server = await listen({
    '/': (c) =>
      streamSSE(c, async (stream) => {
        await stream.writeSSE({ data: 'first' });
        await new Promise(() => {});
      }),
  });
  const reader = (await fetch(urlOf(server))).body?.getReader();
  assert.equal(new TextDecoder().decode((await reader?.read())?.value), 'data: first\n\n');
  await server[Symbol.asyncDispose]();
  await assert.rejects(async () => reader?.read());
});

test('a port that is taken is named, with the flag that changes it', async () => {
  await using server = await listen({});
  const { port } = server.listening;
  await assert.rejects(listen({}, port), {
    code: 'PORT_IN_USE',
    message: new RegExp(`127\\.0\\.0\\.1:${port}.*--web\\.listen-address`),
  });
});

test('an address of another host cannot be listened on', async () => {
  await assert.rejects(listen({}, 0, '192.0.2.1'), { code: 'LISTEN_FAILED', message: /192\.0\.2\.1/ });
});

test('closing ends connections that are kept alive', async () => {
  const server = await listen({ '/': (c) => text(c, 'x') });
  const url = urlOf(server);
  await (await fetch(url)).text();
  await server[Symbol.asyncDispose]();
  await assert.rejects(fetch(url));
});

test('a name is listened to on every address it has, with one port', async () => {
  const addresses = await lookup('localhost', { all: true });
  await using server = await listen({ '/': (c) => text(c, 'here') }, 0, 'localhost');
  const { address, also = [], port } = server.listening;
  assert.deepEqual([address, ...also], [...new Set(addresses.map((one) => one.address))]);
  for (const { address, family } of addresses) {
    const host = family === 6 ? `[${address}]` : address;
    assert.equal(await (await fetch(`http://${host}:${port}/`)).text(), 'here');
  }
});

test('a name without an address cannot be listened on', async () => {
  await assert.rejects(listen({}, 0, 'no-such-name.invalid'), {
    code: 'LISTEN_FAILED',
    message: /no-such-name\.invalid/,
  });
});

test('half a request is answered 408 and closed when its time is over, and so is a connection that says nothing', async () => {
  const limits = { headersTimeout: 100, requestTimeout: 200, connectionsCheckingInterval: 50 };
  await using server = await listen({ '/': (c) => text(c, 'here') }, 0, '127.0.0.1', limits);
  for (const half of ['GET / HTTP/1.1\r\nHost: a\r\nX: ', 'POST / HTTP/1.1\r\nHost: a\r\nContent-Le', ''])
    assert.match(await raw(server, half), /^HTTP\/1.1 408 /, half);
  assert.equal(await (await fetch(urlOf(server))).text(), 'here');
});

test('limits are looked at often enough to be kept', { timeout: 20_000 }, async () => {
  await using server = await listen({ '/': (c) => text(c, 'here') });
  // Without an interval of its own Node closes this connection after 30 s.
  assert.match(await raw(server, 'GET / HTTP/1.1\r\nHost: a\r\n'), /^HTTP\/1.1 408 /);
});
