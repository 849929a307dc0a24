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
  | 'NO_SAMPLES'
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
interface ErrorDetail {
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
  readonly cause?: WireCause;
}

/** What an error was caused by: of ours, of the system with its errno's name as code, or any other. */
interface WireCause {
  readonly code?: string;
  readonly message: string;
  readonly remedy?: string;
  readonly stack?: string;
  readonly cause?: WireCause;
}

/** A limit that is reached is met by whoever is the next to open a file, and only raising it helps. */
const LIMITS: readonly (readonly [found: RegExp, remedy: string])[] = [
  [
    /^EMFILE\b|\bEMFILE$|too many open files\.$/,
    'raise the limit of open files of the agent: ulimit -n, or LimitNOFILE= of its service',
  ],
  [/^ENFILE\b|\bENFILE$/, 'raise the limit of open files of the host: sysctl fs.file-max'],
];

/** What is wrong with a disk, and may pass, by errno. */
export const DISK_REMEDIES: Readonly<Record<string, string>> = {
  ENOSPC: 'free space on that file system',
  EDQUOT: 'raise the disk quota of the agent',
  EROFS: 'mount the file system read-write',
  EIO: 'check the disk (dmesg)',
};

/** What the host lacks, and has again when its owner has seen to it: no fault of the code that was told so. */
const HOST_REMEDIES: Readonly<Record<string, string>> = {
  ...DISK_REMEDIES,
  EADDRINUSE: 'stop who uses that address (ss -lntp shows it), or choose another one',
};

const MAX_CAUSES = 5;
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

  /** Wraps anything that was thrown; a HuatuoError passes through unchanged, and what the host lacks is SYSCALL_FAILED. */
  static from(thrown: unknown, code: ErrorCode, remedy: string): HuatuoError {
    if (isHuatuoError(thrown)) return thrown;
    const found = thrown instanceof Error ? thrown.message : String(thrown);
    const lacking = HOST_REMEDIES[codeOf(thrown) ?? ''];
    if (lacking !== undefined)
      return new HuatuoError('SYSCALL_FAILED', { found, remedy: lacking, cause: thrown });
    return new HuatuoError(code, { found, remedy, cause: thrown });
  }

  /** Plain data for `postMessage`, cause chain included (at most five links, so a cycle cannot hang it). */
  static toWire(thrown: unknown): WireError {
    const error = HuatuoError.from(thrown, 'COLLECTOR_FAILED', 'its stack is in the log at level debug');
    const wire: { -readonly [K in keyof WireError]: WireError[K] } = {
      code: error.code,
      message: error.message,
      remedy: error.remedy,
    };
    // Of a plain error the wire form says it all: where it was thrown and why, not where it was wrapped.
    const { stack, cause } = thrown instanceof Error ? thrown : error;
    if (stack) wire.stack = stack;
    if (cause !== undefined) wire.cause = causeToWire(cause, 1);
    return wire;
  }

  /** The inverse of `toWire`. */
  static fromWire(wire: WireError): HuatuoError {
    const cause = wire.cause && reviveCause(wire.cause);
    const error = new HuatuoError(wire.code, { found: '', remedy: wire.remedy, cause });
    error.message = wire.message;
    if (wire.stack) error.stack = wire.stack;
    return error;
  }
}

/** A cause keeps the code it has, and gets none: it is not what is told, but why. */
function causeToWire(thrown: unknown, depth: number): WireCause {
  if (!(thrown instanceof Error)) return { message: String(thrown) };
  const { message, stack, cause } = thrown;
  const code = codeOf(thrown);
  return {
    ...(code !== undefined && { code }),
    message,
    ...(isHuatuoError(thrown) && { remedy: thrown.remedy }),
    ...(stack !== undefined && { stack }),
    ...(cause !== undefined && depth < MAX_CAUSES && { cause: causeToWire(cause, depth + 1) }),
  };
}

function reviveCause({ code, message, remedy, stack, cause: inner }: WireCause): Error {
  const cause = inner && reviveCause(inner);
  const error =
    remedy === undefined
      ? Object.assign(new Error(message, { cause }), code !== undefined && { code })
      : new HuatuoError(code as ErrorCode, { found: '', remedy, cause });
  error.message = message;
  if (stack !== undefined) error.stack = stack;
  return error;
}

function codeOf(thrown: unknown): string | undefined {
  const { code } = (thrown ?? {}) as { readonly code?: unknown };
  return typeof code === 'string' ? code : undefined;
}

/** By name: a collector's module and the bundle of the thread it runs in (src/build/bundle.ts) have a class each. */
function isHuatuoError(thrown: unknown): thrown is HuatuoError {
  return thrown instanceof Error && thrown.name === NAME;
}
