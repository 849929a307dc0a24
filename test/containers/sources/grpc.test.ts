/** Against HTTP/2 servers that do what a gRPC server does, or what it must not do. */
import assert from 'node:assert/strict';
import { constants, type OutgoingHttpHeaders, type ServerHttp2Stream } from 'node:http2';
import { connect } from 'node:net';
import { test } from 'node:test';
import { GrpcChannel } from '../../../src/containers/sources/grpc.ts';
import { GRPC, GrpcError } from '../../../src/containers/sources/grpc-status.ts';
import { UnixServer } from './unix-server.ts';

const MAX_BYTES = 1000;
const OK = { 'grpc-status': '0' };
const GRPC_HEADERS = { ':status': 200, 'content-type': 'application/grpc' };

const ask = (channel: GrpcChannel): Promise<Buffer> => channel.unary('a.Service/Method', Buffer.from('ask'));

function frame(text: string, flag = 0): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt8(flag);
  head.writeUInt32BE(text.length, 1);
  return Buffer.concat([head, Buffer.from(text)]);
}

/** Sends these pieces, each in a frame of its own, and ends with the trailers. */
function answer(
  stream: ServerHttp2Stream,
  pieces: readonly Buffer[],
  trailers: OutgoingHttpHeaders = OK,
): void {
  stream.respond(GRPC_HEADERS, { waitForTrailers: true });
  stream.on('wantTrailers', () => stream.sendTrailers(trailers));
  for (const piece of pieces) stream.write(piece);
  stream.end();
}

function page(stream: ServerHttp2Stream, status: number, text: string): void {
  stream.respond({ ':status': status, 'content-type': 'text/html' });
  stream.end(text);
}

/** Headers that are trailers as well. */
const only = (stream: ServerHttp2Stream, trailers: OutgoingHttpHeaders): void =>
  stream.respond({ ...GRPC_HEADERS, ...trailers }, { endStream: true });

test('a call is a POST of one framed message', async () => {
  const requests: unknown[] = [];
  await using server = await UnixServer.http2((stream, headers) => {
    requests.push([headers[':method'], headers[':path'], headers['content-type'], headers.te]);
    const body: Buffer[] = [];
    stream.on('data', (chunk: Buffer) => body.push(chunk));
    stream.on('end', () => {
      requests.push(Buffer.concat(body).toString('latin1'));
      answer(stream, [frame('answer')]);
    });
  });
  using channel = new GrpcChannel(server.path, MAX_BYTES);
  assert.equal((await ask(channel)).toString(), 'answer');
  assert.deepEqual(requests, [
    ['POST', '/a.Service/Method', 'application/grpc', 'trailers'],
    '\0\0\0\0\x03ask',
  ]);
});

test('a message may be empty, as large as the limit, and cut anywhere', async () => {
  const largest = frame('x'.repeat(MAX_BYTES));
  for (const [pieces, text] of [
    [[frame('')], ''],
    [[largest], 'x'.repeat(MAX_BYTES)],
    [[largest.subarray(0, 3), largest.subarray(3, 500), largest.subarray(500)], 'x'.repeat(MAX_BYTES)],
    [[...frame('abc')].map((byte) => Buffer.of(byte)), 'abc'],
  ] as const) {
    await using server = await UnixServer.http2((stream) => answer(stream, pieces));
    using channel = new GrpcChannel(server.path, MAX_BYTES);
    assert.equal((await ask(channel)).toString(), text);
  }
});

const { NGHTTP2_CANCEL, NGHTTP2_ENHANCE_YOUR_CALM, NGHTTP2_INTERNAL_ERROR, NGHTTP2_REFUSED_STREAM } =
  constants;

const FAILURES: readonly (readonly [
  what: string,
  serve: (stream: ServerHttp2Stream) => void,
  code: number,
  details: RegExp,
])[] = [
  [
    'a status after the message',
    (s) => answer(s, [frame('x')], { 'grpc-status': '5' }),
    GRPC.NOT_FOUND,
    /^$/,
  ],
  [
    'a status without a message, with percent-encoded words',
    (s) => only(s, { 'grpc-status': '13', 'grpc-message': 'no%20disk: %E2%82%AC%2F' }),
    GRPC.INTERNAL,
    /^no disk: €\/$/,
  ],
  [
    'words that are not percent-encoded',
    (s) => only(s, { 'grpc-status': '2', 'grpc-message': '100%' }),
    2,
    /^100%$/,
  ],
  ['a status that is not a number', (s) => only(s, { 'grpc-status': 'many' }), GRPC.UNKNOWN, /^$/],
  [
    'trailers without a status',
    (s) => answer(s, [frame('x')], { other: '1' }),
    GRPC.UNKNOWN,
    /HTTP status code 200/,
  ],
  [
    'no trailers',
    (s) => page(s, 200, frame('x').toString('latin1')),
    GRPC.INTERNAL,
    /ended without gRPC status/,
  ],
  ['OK without a message', (s) => only(s, OK), GRPC.UNIMPLEMENTED, /No message received/],
  ['two messages', (s) => answer(s, [frame('x'), frame('y')]), GRPC.UNIMPLEMENTED, /Too many responses/],
  ['part of a message', (s) => answer(s, [frame('xyz').subarray(0, 7)]), GRPC.INTERNAL, /after 7 bytes/],
  ['part of a length', (s) => answer(s, [frame('xyz').subarray(0, 3)]), GRPC.INTERNAL, /after 3 bytes/],
  ['a compressed message', (s) => answer(s, [frame('xyz', 1)]), GRPC.INTERNAL, /compressed/],
  [
    'a message above the limit, of which nothing comes',
    (s) => {
      s.respond(GRPC_HEADERS);
      s.write(frame('x'.repeat(MAX_BYTES + 1)).subarray(0, 5));
    },
    GRPC.RESOURCE_EXHAUSTED,
    /larger than max \(1001 vs 1000\)/,
  ],
  ['a page of a web server', (s) => page(s, 200, '<html>'), GRPC.RESOURCE_EXHAUSTED, /larger than max/],
  ['an error page', (s) => page(s, 404, '<html>'), GRPC.UNIMPLEMENTED, /HTTP status code 404/],
  ['an error without a page', (s) => page(s, 503, ''), GRPC.UNAVAILABLE, /HTTP status code 503/],
  ['a forbidden page', (s) => page(s, 403, ''), GRPC.PERMISSION_DENIED, /HTTP status code 403/],
  ['a reset: cancelled', (s) => s.close(NGHTTP2_CANCEL), GRPC.CANCELLED, /Call cancelled/],
  ['a reset: refused', (s) => s.close(NGHTTP2_REFUSED_STREAM), GRPC.UNAVAILABLE, /refused/],
  ['a reset: internal', (s) => s.close(NGHTTP2_INTERNAL_ERROR), GRPC.INTERNAL, /RST_STREAM with code 2/],
  ['a reset: calm', (s) => s.close(NGHTTP2_ENHANCE_YOUR_CALM), GRPC.RESOURCE_EXHAUSTED, /Bandwidth/],
  [
    'a GOAWAY with an error',
    (s) => s.session?.goaway(NGHTTP2_ENHANCE_YOUR_CALM),
    GRPC.RESOURCE_EXHAUSTED,
    /Bandwidth/,
  ],
  ['an end of the connection', (s) => s.session?.destroy(), GRPC.UNAVAILABLE, /Connection dropped/],
];

for (const [what, serve, code, details] of FAILURES) {
  test(`${what} is a failure that leaves no connection`, { timeout: 20_000 }, async () => {
    await using server = await UnixServer.http2(serve);
    {
      using channel = new GrpcChannel(server.path, MAX_BYTES);
      await failsWith(ask(channel), code, details);
    }
    await server.deserted();
  });
}

test('what is not HTTP/2, and a server that hangs up, are unavailable', { timeout: 20_000 }, async () => {
  for (const greet of ['SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3\r\n', '']) {
    await using server = await UnixServer.raw((socket) => void socket.resume().end(greet));
    using channel = new GrpcChannel(server.path, MAX_BYTES);
    await failsWith(ask(channel), GRPC.UNAVAILABLE, /Protocol error|Connection dropped/);
    await server.deserted();
  }
});

test('nobody there and a file that is no socket are unavailable, and say why', async () => {
  for (const [path, why] of [
    ['/nonexistent/it.sock', /ENOENT/],
    ['/etc/passwd', /ECONNREFUSED/],
    [`/tmp/${'x'.repeat(200)}`, /EINVAL/],
  ] as const) {
    using channel = new GrpcChannel(path, MAX_BYTES);
    await failsWith(ask(channel), GRPC.UNAVAILABLE, why);
  }
});

test('a connection that a server gives up with GOAWAY is not used again, and not kept', {
  timeout: 20_000,
}, async () => {
  await using server = await UnixServer.http2((stream) => {
    stream.session?.goaway();
    answer(stream, [frame('answer')]);
  });
  // In between: Node's server does not see connections end over which it has sent GOAWAY.
  await using proxy = await UnixServer.raw((client) => {
    const upstream = connect(server.path);
    upstream.on('error', () => client.destroy());
    client.on('close', () => upstream.destroy());
    client.pipe(upstream).pipe(client);
  });
  using channel = new GrpcChannel(proxy.path, MAX_BYTES);
  for (let call = 1; call <= 3; call++) {
    assert.equal((await ask(channel)).toString(), 'answer');
    assert.equal(proxy.accepted, call);
  }
  await proxy.deserted();
});

test('calls at the same time share a connection, and the end of the channel fails those under way', {
  timeout: 20_000,
}, async () => {
  const begun = Promise.withResolvers<void>();
  let calls = 0;
  await using server = await UnixServer.http2(() => {
    calls++;
    if (calls === 8) begun.resolve();
  });
  using channel = new GrpcChannel(server.path, MAX_BYTES);
  const under = Array.from({ length: 8 }, () => ask(channel));
  await begun.promise;
  channel[Symbol.dispose]();
  for (const call of under) await failsWith(call, GRPC.UNAVAILABLE, /closed/);
  assert.equal(server.accepted, 1);
  await server.deserted();
  await failsWith(ask(channel), GRPC.UNAVAILABLE, /closed/);
});

async function failsWith(call: Promise<unknown>, code: number, details: RegExp): Promise<void> {
  await assert.rejects(call, (error) => {
    assert.ok(error instanceof GrpcError, String(error));
    assert.equal(error.code, code, error.message);
    assert.match(error.details, details);
    return true;
  });
}
