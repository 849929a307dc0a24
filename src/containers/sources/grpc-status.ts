/** How a gRPC call ended: statuscodes.md, PROTOCOL-HTTP2.md and http-grpc-status-mapping.md of grpc. */
import { constants, type IncomingHttpHeaders } from 'node:http2';

/** gRPC's status codes that are told apart or made here. */
export const GRPC = {
  CANCELLED: 1,
  UNKNOWN: 2,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  UNAUTHENTICATED: 16,
} as const;

/** A call without an answer. */
export class GrpcError extends Error {
  override readonly name = 'GrpcError';
  readonly code: number;
  /** What the server says of it, or what was wrong with what it sent: any text. */
  readonly details: string;

  constructor(code: number, details: string, cause?: unknown) {
    super(`gRPC status ${code}: ${details}`, cause === undefined ? undefined : { cause });
    this.code = code;
    this.details = details;
  }
}

const OF_HTTP: Readonly<Record<number, number>> = {
  400: GRPC.INTERNAL,
  401: GRPC.UNAUTHENTICATED,
  403: GRPC.PERMISSION_DENIED,
  404: GRPC.UNIMPLEMENTED,
  429: GRPC.UNAVAILABLE,
  502: GRPC.UNAVAILABLE,
  503: GRPC.UNAVAILABLE,
  504: GRPC.UNAVAILABLE,
};

/** The error of an HTTP status without a gRPC status. */
export function httpStatusError(status: number): GrpcError {
  return new GrpcError(OF_HTTP[status] ?? GRPC.UNKNOWN, `Received HTTP status code ${status}`);
}

/**
 * The status in the last headers of an answer.
 * @returns undefined when it is OK
 */
export function trailersError(trailers: IncomingHttpHeaders, httpStatus: number): GrpcError | undefined {
  const { 'grpc-status': status, 'grpc-message': words } = trailers;
  if (status === undefined) return httpStatusError(httpStatus);
  if (status === '0') return undefined;
  const code = /^[1-9]\d?$/.test(String(status)) ? Number(status) : GRPC.UNKNOWN;
  return new GrpcError(code, percentDecoded(String(words ?? '')));
}

/** Codes of RST_STREAM and GOAWAY frames that have a status of their own, with words of ours. */
const OF_RESET: Readonly<Record<number, readonly [status: number, details: string]>> = {
  [constants.NGHTTP2_NO_ERROR]: [
    GRPC.INTERNAL,
    'Received RST_STREAM with code 0 (Call ended without gRPC status)',
  ],
  [constants.NGHTTP2_REFUSED_STREAM]: [GRPC.UNAVAILABLE, 'Stream refused by server'],
  [constants.NGHTTP2_CANCEL]: [GRPC.CANCELLED, 'Call cancelled'],
  [constants.NGHTTP2_ENHANCE_YOUR_CALM]: [
    GRPC.RESOURCE_EXHAUSTED,
    'Bandwidth exhausted or memory limit exceeded',
  ],
  [constants.NGHTTP2_INADEQUATE_SECURITY]: [GRPC.PERMISSION_DENIED, 'Protocol not secure enough'],
};

/** The error of a stream that ended without trailers. @param code of its end in HTTP/2 */
export function resetError(code: number, cause: Error | undefined): GrpcError {
  const [status, details] = OF_RESET[code] ?? [GRPC.INTERNAL, `Received RST_STREAM with code ${code}`];
  return new GrpcError(status, details, cause);
}

function percentDecoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
