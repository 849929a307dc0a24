/**
 * The one error class of the agent.
 *
 * Every failure a user can meet carries a stable `code` (listed below, safe to match on in scripts and alerts)
 * and a message made of three parts: what was expected, what was found, what to do about it. Errors cross
 * threads as plain data (`toWire` / `fromWire`), because structured clone keeps neither `code` nor a subclass.
 */

/** Stable identifiers of failures. Add at the end of a group; never rename one that shipped. */
export type ErrorCode =
  // configuration and command line
  | 'CONFIG_UNREADABLE'
  | 'CONFIG_INVALID'
  | 'USAGE'
  | 'AGENT_UNREACHABLE'
  // kernel and libbpf
  | 'LIBBPF_MISSING'
  | 'BTF_MISSING'
  | 'PERMISSION_DENIED'
  | 'TRACEPOINT_MISSING'
  | 'VERIFIER_REFUSED'
  | 'OBJECT_UNREADABLE'
  | 'OBJECT_LOAD_FAILED'
  | 'ATTACH_FAILED'
  | 'LAYOUT_MISMATCH'
  | 'MAP_FAILED'
  | 'RING_CORRUPT'
  | 'SYSCALL_FAILED'
  | 'KERNEL_FEATURE_MISSING'
  | 'LIBPCAP_MISSING'
  // collectors and actors
  | 'COLLECTOR_INVALID'
  | 'COLLECTOR_FAILED'
  | 'WORKER_EXITED'
  | 'WORKER_HUNG'
  | 'MEMORY_LIMIT'
  | 'DEADLINE_EXCEEDED'
  | 'CANCELLED'
  | 'OVERLOADED'
  | 'COLLECTOR_STARTING'
  // storage and HTTP
  | 'DIRECTORY_NOT_WRITABLE'
  | 'JOURNAL_FAILED'
  | 'PORT_IN_USE'
  | 'LISTEN_FAILED'
  | 'SOURCE_UNREADABLE'
  | 'CONTAINER_SOURCE_FAILED'
  | 'ELASTICSEARCH_FAILED'
  | 'DOCUMENT_TOO_LARGE'
  // build
  | 'BUILD_FAILED';

/**
 * Codes that no retry can heal: the kernel, the host or the build would have to change first. A collector that
 * fails with one of them is *unsupported* and is not started again until the configuration changes.
 */
const PERMANENT: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'LIBBPF_MISSING',
  'LIBPCAP_MISSING',
  'BTF_MISSING',
  'PERMISSION_DENIED',
  'TRACEPOINT_MISSING',
  'KERNEL_FEATURE_MISSING',
  'VERIFIER_REFUSED',
  'OBJECT_UNREADABLE',
  'LAYOUT_MISMATCH',
  'COLLECTOR_INVALID',
]);

/** What the sentence of an error is made of. Only `expected` may be left out. */
export interface ErrorDetail {
  /** What the code needed, as a clause: `a writable directory`. */
  readonly expected?: string;
  /** What it met instead, with the value: `/var/lib/x is owned by uid 7, mode 0500`. */
  readonly found: string;
  /** The next step for the person who reads it: `run as root, or set journal.directory`. */
  readonly remedy: string;
  readonly cause?: unknown;
}

/** An error as it crosses a thread or is shown in `/api/v1/status`. */
export interface WireError {
  readonly code: ErrorCode;
  readonly message: string;
  readonly remedy: string;
  readonly stack?: string;
  readonly cause?: WireError;
}

/** A limit that is reached is met by whoever is the next to open a file, and only raising it helps. */
const LIMITS: readonly (readonly [found: RegExp, remedy: string])[] = [
  [
    /^EMFILE\b|\bEMFILE$|too many open files\.$/,
    'raise the limit of open files of the agent: ulimit -n, or LimitNOFILE= of its service',
  ],
  [/^ENFILE\b|\bENFILE$/, 'raise the limit of open files of the host: sysctl fs.file-max'],
];

const NAME = 'HuatuoError';

export class HuatuoError extends Error {
  override readonly name = NAME;
  readonly code: ErrorCode;
  readonly remedy: string;

  constructor(code: ErrorCode, detail: ErrorDetail) {
    const expected = detail.expected ? `expected ${detail.expected}, found ` : '';
    const options = detail.cause === undefined ? undefined : { cause: detail.cause };
    const remedy = LIMITS.find(([found]) => found.test(detail.found))?.[1] ?? detail.remedy;
    super(`${expected}${detail.found}; ${remedy}`, options);
    this.code = code;
    this.remedy = remedy;
  }

  /** True when a retry is pointless; see `PERMANENT`. */
  get permanent(): boolean {
    return PERMANENT.has(this.code);
  }

  /** Wraps anything that was thrown; a HuatuoError passes through unchanged. */
  static from(thrown: unknown, code: ErrorCode, remedy: string): HuatuoError {
    if (isHuatuoError(thrown)) return thrown;
    const found = thrown instanceof Error ? thrown.message : String(thrown);
    return new HuatuoError(code, { found, remedy, cause: thrown });
  }

  /** Plain data for `postMessage`, cause chain included (at most five links, so a cycle cannot hang it). */
  static toWire(thrown: unknown, depth = 0): WireError {
    const error = HuatuoError.from(thrown, 'COLLECTOR_FAILED', 'its stack is in the log at level debug');
    const wire: { -readonly [K in keyof WireError]: WireError[K] } = {
      code: error.code,
      message: error.message,
      remedy: error.remedy,
    };
    // Of a plain error the wire form says it all: where it was thrown and why, not where it was wrapped.
    const { stack, cause } = thrown instanceof Error ? thrown : error;
    if (stack) wire.stack = stack;
    if (cause !== undefined && depth < 5) wire.cause = HuatuoError.toWire(cause, depth + 1);
    return wire;
  }

  /** The inverse of `toWire`. */
  static fromWire(wire: WireError): HuatuoError {
    const cause = wire.cause ? HuatuoError.fromWire(wire.cause) : undefined;
    const error = new HuatuoError(wire.code, { found: '', remedy: wire.remedy, cause });
    error.message = wire.message;
    if (wire.stack) error.stack = wire.stack;
    return error;
  }
}

/** By name: a collector's module and the bundle of the thread it runs in (src/build/bundle.ts) have a class each. */
function isHuatuoError(thrown: unknown): thrown is HuatuoError {
  return thrown instanceof Error && thrown.name === NAME;
}
