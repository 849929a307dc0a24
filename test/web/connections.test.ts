/** Connections against a real server: what is kept out, and what is not. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { test } from 'node:test';
import { addPage, createApp, text } from '../../src/web/app.ts';
import { type HttpServer, listen } from '../../src/web/server.ts';
import { eventually } from '../support/eventually.ts';

const LONG = 'x'.repeat(8 << 20);
let entered = 0;

async function start(): Promise<HttpServer> {
  const app = createApp({ onError: () => {}, onReply: () => {} });
  addPage(app, '/metrics', (c) => text(c, 'page'));
  addPage(app, '/long', (c) => {
    entered++;
    return text(c, LONG);
  });
  return listen({ host: '127.0.0.1', port: 0, app, onError: () => {} });
}

class Clients implements Disposable {
  readonly sockets: Socket[] = [];
  readonly #server: HttpServer;

  constructor(server: HttpServer) {
    this.#server = server;
  }

  async open(address: string, bytes: string): Promise<Socket> {
    const socket = connect({ port: this.#server.listening.port, host: '127.0.0.1', localAddress: address });
    this.sockets.push(socket);
    socket.on('error', () => undefined).pause();
    await once(socket, 'connect');
    if (bytes !== '') socket.write(bytes);
    return socket;
  }

  [Symbol.dispose](): void {
    for (const socket of this.sockets) socket.destroy();
  }
}

async function scrape(server: HttpServer): Promise<string> {
  const headers = { connection: 'close' };
  return (await fetch(`http://127.0.0.1:${server.listening.port}/metrics`, { headers })).text();
}

for (const [what, bytes] of Object.entries({
  'say nothing': '',
  'are in the middle of a head': 'GET / HTTP/1.1\r\nHost: a\r\nX: ',
  'were answered and are kept alive': 'GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n',
})) {
  test(`200 connections that ${what} keep no scrape out`, async () => {
    await using server = await start();
    using clients = new Clients(server);
    for (let i = 0; i < 200; i++) await clients.open('127.0.0.1', bytes);
    for (let i = 0; i < 5; i++) assert.equal(await scrape(server), 'page');
    assert.ok(server.connections.open <= 64, `${server.connections.open} are open`);
    assert.ok(server.connections.ended.idle >= 130, JSON.stringify(server.connections.ended));
    assert.equal(server.connections.ended.refused, 0);
  });
}

test('clients that do not read their answers keep no scrape out', async () => {
  await using server = await start();
  using clients = new Clients(server);
  for (let i = 0; i < 48; i++) {
    await clients.open('127.0.0.1', 'GET /long HTTP/1.1\r\nHost: a\r\n\r\n');
    await eventually('its answer to begin', () => entered > i);
  }
  for (let i = 0; i < 5; i++) assert.equal(await scrape(server), 'page');
  assert.ok(server.connections.ended.unread > 0);
  assert.equal(server.connections.ended.refused, 0);
});

test('one client has a share, and loses its own connections for more, not those of another', async () => {
  await using server = await start();
  using clients = new Clients(server);
  const other = await clients.open('127.0.0.2', '');
  let closed = false;
  other.on('close', () => {
    closed = true;
  });
  for (let i = 0; i < 200; i++) await clients.open('127.0.0.1', '');
  await eventually('the share to be used up', () => server.connections.ended.idle > 0);
  assert.equal(server.connections.open, 48 + 1);
  assert.equal(closed, false);
});
