import assert from 'node:assert/strict';
import type { RequestListener } from 'node:http';
import { test } from 'node:test';
import { getJson, UnexpectedStatus } from '../../../src/containers/sources/http-json.ts';
import { brief, failsWith, soon } from './failure.ts';
import { UnixServer } from './unix-server.ts';

const ask = (socketPath: string, signal = soon(), maxBytes = 1000): Promise<unknown> =>
  getJson({
    options: { tls: false, socketPath, path: '/list' },
    signal,
    maxBytes,
    source: 'engine at it.sock',
    what: 'the list',
  });

async function answering(listener: RequestListener, found: RegExp): Promise<Error> {
  await using server = await UnixServer.http(listener);
  const error = await failsWith(ask(server.path), found);
  await server.deserted();
  return error;
}

test('JSON is returned and the connection closed', async () => {
  await using server = await UnixServer.http(({ method, url }, response) =>
    response.end(JSON.stringify({ method, url, text: 'ä\n' })),
  );
  assert.deepEqual(await ask(server.path), { method: 'GET', url: '/list', text: 'ä\n' });
  await server.deserted();
});

test('HTML is refused without being quoted', async () => {
  const error = await answering((_, response) => {
    response.setHeader('content-type', 'text/html');
    response.end('<html>secret</html>');
  }, /19 bytes that are not JSON \("text\/html"\); check that this address is the API/);
  assert.ok(!`${error.message} ${error.cause}`.includes('secret'));
});

test('JSON that was cut is refused', async () => {
  const error = await answering((_, response) => response.end('[{"Env": ["PASSWORD=hunter2'), /not JSON/);
  assert.ok(error.cause instanceof SyntaxError);
  assert.ok(!`${error.message} ${error.cause}`.includes('hunter2'));
});

test('an answer shorter than it announced is refused', async () => {
  await answering((_, response) => {
    response.setHeader('content-length', 100);
    response.write('[]');
    setImmediate(() => response.destroy());
  }, /aborted|ended before the answer did/);
});

test('an error status and a redirect are refused, with the status as the cause', async () => {
  for (const [status, remedy] of [
    [500, /HTTP status 500; see the log/],
    [403, /HTTP status 403; give the agent the right/],
    [302, /HTTP status 302; .*redirects are not followed/],
  ] as const) {
    const error = await answering((_, response) => {
      response.writeHead(status, { location: 'http://127.0.0.1:1/' });
      response.end('{"message":"no"}');
    }, remedy);
    assert.ok(error.cause instanceof UnexpectedStatus);
    assert.equal(error.cause.status, status);
  }
});

test('an answer of too many bytes is cut off, announced or not', { timeout: 20_000 }, async () => {
  await answering((_, response) => {
    const more = (): void => {
      if (!response.destroyed && response.write('1'.repeat(900))) setImmediate(more);
      else response.once('drain', more);
    };
    more();
  }, /more than 1000 bytes/);
});

test('a server that never answers is left at the deadline', { timeout: 20_000 }, async () => {
  await using server = await UnixServer.raw();
  const error = await failsWith(ask(server.path, brief()), /given up \(.*timeout\)/);
  assert.equal((error.cause as Error).name, 'TimeoutError');
  await server.deserted();
});

test('a server that never finishes is left at the deadline', { timeout: 20_000 }, async () => {
  await using server = await UnixServer.http((_, response) => void response.write('['));
  await failsWith(ask(server.path, brief()), /given up/);
  await server.deserted();
});

test('what is not HTTP, and an unasked upgrade, are refused', { timeout: 20_000 }, async () => {
  for (const [bytes, found] of [
    ['SSH-2.0-x\r\n', /Parse Error/],
    [
      'HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n',
      /connection ended|socket hang up/,
    ],
  ] as const) {
    await using server = await UnixServer.raw((socket) => void socket.resume().write(bytes));
    await failsWith(ask(server.path), found);
    await server.deserted();
  }
});

test('nobody there, a file that is no socket and a path that cannot be one are failures', async () => {
  await failsWith(ask('/nonexistent/it.sock'), /ENOENT.*; start engine/);
  await failsWith(ask('/etc/passwd'), /ECONNREFUSED.*; start engine/);
  const options = { tls: false, socketPath: '/x', path: '/a b\n' };
  await failsWith(getJson({ options, signal: soon(), source: 'engine', what: 'it' }), /unescaped characters/);
});

test('a signal that has passed already asks nobody', async () => {
  await using server = await UnixServer.http((_, response) => response.end('1'));
  await failsWith(ask(server.path, AbortSignal.abort(new Error('too late'))), /given up \(too late\)/);
});
