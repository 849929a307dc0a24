/**
 * One bounded GET for JSON, over TCP, TLS or a unix socket. The connection is made for this request and gone when the
 * promise settles, whatever the server does: redirects are not followed, nothing is kept alive, nothing is retried.
 */
import { type IncomingMessage, request as plainRequest } from 'node:http';
import { type RequestOptions, request as tlsRequest } from 'node:https';
import { HuatuoError } from '../../error.ts';
import { MAX_ANSWER_BYTES, parseJson } from './answers.ts';

interface JsonRequest {
  /** Host and port or `socketPath`, path, headers, certificates. Method, agent and signal are set here. */
  readonly options: RequestOptions & { readonly tls: boolean };
  /** Ends the request and its connection. It is the only deadline: without it, a silent server is waited for. */
  readonly signal: AbortSignal;
  /** Size of the body, in bytes; a longer answer is refused as soon as that is known. */
  readonly maxBytes?: number;
  /** Who is asked, for messages: `docker at /run/docker.sock`. Without credentials. */
  readonly source: string;
  /** What is asked for, for messages: `the list of containers`. */
  readonly what: string;
}

/** The cause of the error when the server answered, but not with 200. */
export class UnexpectedStatus extends Error {
  override readonly name = 'UnexpectedStatus';
  readonly status: number;

  constructor(status: number) {
    super(`HTTP status ${status}`);
    this.status = status;
  }
}

/**
 * @returns the parsed body, of any shape: the caller validates
 * @throws CONTAINER_SOURCE_FAILED. Its cause is an `UnexpectedStatus`, the error of the connection (with Node's `code`, also
 * for TLS), a SyntaxError, or the signal's reason. Neither headers nor the body get into the message
 */
export async function getJson(request: JsonRequest): Promise<unknown> {
  const { type, body } = await get(request);
  try {
    return parseJson(body);
  } catch (cause) {
    throw failed(
      request,
      `${(cause as SyntaxError).message} (${JSON.stringify(type.slice(0, 80))})`,
      'check that this address is the API, not a proxy or a web page, and that nothing cuts its answers short',
      cause,
    );
  }
}

interface Answer {
  readonly type: string;
  readonly body: Buffer;
}

function get(wanted: JsonRequest): Promise<Answer> {
  const { options, signal, maxBytes = MAX_ANSWER_BYTES } = wanted;
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const broken = (cause: unknown): void => reject(lost(wanted, cause));
  const tooLong = (): void =>
    reject(
      failed(
        wanted,
        `an answer of more than ${maxBytes} bytes`,
        'ask why so much is stored there: such an answer is not read into memory',
      ),
    );
  const open = options.tls ? tlsRequest : plainRequest;
  try {
    // A fresh agent keeps nothing alive, so destroying the request closes its socket.
    const request = open({ ...options, method: 'GET', agent: false, signal }, (response: IncomingMessage) => {
      const { statusCode = 0, headers } = response;
      if (statusCode !== 200) return reject(refused(wanted, statusCode));
      const chunks: Buffer[] = [];
      let bytes = 0;
      response.on('error', broken);
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes > maxBytes) tooLong();
        else chunks.push(chunk);
      });
      response.on('end', () => resolve({ type: headers['content-type'] ?? '', body: Buffer.concat(chunks) }));
    });
    request.on('error', broken);
    // Node closes the connection without an error when the answer is an upgrade.
    request.on('close', () => broken(new Error('the connection ended before the answer did')));
    request.end();
    // The listeners stay: whatever the connection still reports after this is no unhandled error.
    return promise.finally(() => request.destroy());
  } catch (cause) {
    // Node checks paths, headers and certificates before it opens anything.
    throw lost(wanted, cause);
  }
}

function refused(wanted: JsonRequest, status: number): HuatuoError {
  const redirected = status >= 300 && status < 400;
  return failed(
    wanted,
    `HTTP status ${status}`,
    redirected
      ? 'configure the address it redirects to: redirects are not followed'
      : status === 401 || status === 403
        ? 'give the agent the right to ask'
        : `see the log of ${wanted.source}`,
    new UnexpectedStatus(status),
  );
}

function lost(wanted: JsonRequest, cause: unknown): HuatuoError {
  if (wanted.signal.aborted)
    return failed(
      wanted,
      `no complete answer until the request was given up (${(wanted.signal.reason as Error).message})`,
      `check whether ${wanted.source} hangs or is overloaded`,
      wanted.signal.reason,
    );
  const { code, message } = cause as NodeJS.ErrnoException;
  // What came instead of HTTP, as bytes, which loggers would print.
  delete (cause as { rawPacket?: Buffer }).rawPacket;
  return failed(
    wanted,
    message,
    code === 'ECONNREFUSED' || code === 'ENOENT'
      ? `start ${wanted.source}, or take it out of the configuration`
      : code === 'EACCES' || code === 'EPERM'
        ? 'run the agent as root, or as a user who may open it'
        : `see the log of ${wanted.source}`,
    cause,
  );
}

function failed(wanted: JsonRequest, found: string, remedy: string, cause?: unknown): HuatuoError {
  const expected = `${wanted.what} as JSON from ${wanted.source}`;
  return new HuatuoError('CONTAINER_SOURCE_FAILED', { expected, found, remedy, cause });
}
