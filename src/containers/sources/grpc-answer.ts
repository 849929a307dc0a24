/** What comes of one unary call. */
import { type ClientHttp2Stream, constants, type IncomingHttpHeaders } from 'node:http2';
import { IncomingMessage } from './grpc-message.ts';
import { GRPC, GrpcError, httpStatusError, resetError, trailersError } from './grpc-status.ts';

const HTTP_OK = 200;
/** Node's errors for RST_STREAM and for GOAWAY with a code, which the stream has too. All others are the connection's. */
const ENDED_BY_SERVER: ReadonlySet<unknown> = new Set(['ERR_HTTP2_STREAM_ERROR', 'ERR_HTTP2_SESSION_ERROR']);

/**
 * Waits for the end of a call's stream.
 * @param maxBytes size of the message
 * @returns the message
 * @throws GrpcError
 */
export async function answerOf(stream: ClientHttp2Stream, maxBytes: number): Promise<Buffer> {
  const message = new IncomingMessage(maxBytes);
  const { session } = stream;
  let httpStatus = 0;
  let trailers: IncomingHttpHeaders | undefined;
  let malformed: unknown;
  let broken: NodeJS.ErrnoException | undefined;

  stream.on('response', (headers, flags) => {
    httpStatus = headers[':status'] ?? 0;
    // An answer without a message has its trailers in front.
    if (flags & constants.NGHTTP2_FLAG_END_STREAM) trailers = headers;
  });
  stream.on('trailers', (headers) => {
    trailers = headers;
  });
  stream.on('data', (chunk: Buffer) => {
    if (malformed) return;
    try {
      message.add(chunk);
    } catch (error) {
      malformed = error;
      stream.close(constants.NGHTTP2_CANCEL);
    }
  });
  stream.on('error', (error) => {
    broken = error;
  });
  // It comes last, and however the stream ends.
  await new Promise((resolve) => stream.on('close', resolve));

  // A web page is better explained by its status than by what is wrong with it as a message.
  if (malformed) throw httpStatus === HTTP_OK ? malformed : httpStatusError(httpStatus);
  const failure = trailers
    ? trailersError(trailers, httpStatus)
    : lost(stream.rstCode, httpStatus, broken, session?.destroyed);
  if (failure) throw failure;
  return message.whole();
}

/** The error of a stream that ended before the answer did. */
function lost(
  code: number = constants.NGHTTP2_NO_ERROR,
  httpStatus: number,
  broken: NodeJS.ErrnoException | undefined,
  disconnected = true,
): GrpcError {
  if (broken && !ENDED_BY_SERVER.has(broken.code))
    return new GrpcError(GRPC.UNAVAILABLE, broken.message, broken);
  // Node gives the streams of a connection that ended the code of a call that was cancelled.
  if (code === constants.NGHTTP2_CANCEL && disconnected)
    return new GrpcError(GRPC.UNAVAILABLE, 'Connection dropped');
  if (code === constants.NGHTTP2_NO_ERROR && httpStatus !== HTTP_OK && httpStatus !== 0)
    return httpStatusError(httpStatus);
  return resetError(code, broken);
}
