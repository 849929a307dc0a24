/**
 * The agent's own log: one JSON object on each line of stderr, or coloured text on a terminal.
 *
 * Every thread writes to fd 2 itself and synchronously: what was logged before a crash is there, and no transport
 * thread has to be up for it. A line is one write(2), so lines of different threads do not mix.
 */
import { createRequire } from 'node:module';
import { inspect } from 'node:util';
import type { DestinationStream, Logger } from 'pino';
import type { Log } from './sdk/context.ts';

const STDERR = 2;
const LEVELS: readonly LogLevel[] = ['debug', 'info', 'warn', 'error'];
const require = createRequire(import.meta.url);

interface LogOptions {
  /** Who speaks: the actor's or collector's name. */
  readonly component: string;
  readonly level: LogLevel;
  readonly format: LogFormat;
}

/**
 * A log to stderr, for any thread.
 *
 * `detail` may hold anything; under the key `error` it is written by `serializeError`.
 * @param destination where finished lines go; stderr unless a test says otherwise
 */
export function createLog(options: LogOptions, destination?: DestinationStream): Log {
  const threshold = LEVELS.indexOf(options.level);
  let logger: Logger | undefined;
  const write = (level: LogLevel, message: string, detail?: object): void => {
    if (LEVELS.indexOf(level) < threshold) return;
    logger ??= createLogger(options, destination ?? stderrLines());
    logger[level](detail, message);
  };
  return {
    debug: (message, detail) => write('debug', message, detail),
    info: (message, detail) => write('info', message, detail),
    warn: (message, detail) => write('warn', message, detail),
    error: (message, detail) => write('error', message, detail),
  };
}

/** pino is loaded for the first line that is written: most threads never write one, and it costs each of them 2 MB. */
const loadPino = (): typeof import('pino') => require('pino') as typeof import('pino');

/** Loads what a line needs, while files can still be opened: later it may be their lack that is to be told. */
export function prepareLog(options: LogOptions): void {
  createLogger(options, stderrLines());
}

function createLogger(options: LogOptions, lines: DestinationStream): Logger {
  const { pino, stdTimeFunctions } = loadPino();
  const pretty = options.format === 'pretty' || (options.format === 'auto' && isTerminal());
  return pino(
    {
      level: options.level,
      base: { component: options.component },
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { error: (thrown: unknown) => serializeError(thrown, options.level === 'debug') },
    },
    pretty ? prettyLines(lines) : lines,
  );
}

/** node:tty brings node:net, 300 KB for each thread. */
function isTerminal(): boolean {
  return (require('node:tty') as typeof import('node:tty')).isatty(STDERR);
}

let stderr: DestinationStream | undefined;

/** One stream for each thread. A closed stderr costs the line, not the agent. */
function stderrLines(): DestinationStream {
  if (stderr) return stderr;
  const stream = loadPino().destination({ dest: STDERR, sync: true });
  stream.on('error', () => {});
  stderr = stream;
  return stream;
}

/**
 * pino-pretty is loaded on first use: in JSON format no worker thread pays for it. It strips control characters, so a
 * name from the kernel cannot drive the terminal.
 */
function prettyLines(lines: DestinationStream): DestinationStream {
  const { prettyFactory } = require('pino-pretty') as typeof import('pino-pretty');
  const format = prettyFactory({
    colorize: isTerminal() && !process.env.NO_COLOR,
    translateTime: 'SYS:HH:MM:ss.l',
    messageFormat: '{component}: {msg}',
    ignore: 'component',
    errorLikeObjectKeys: [],
  });
  return { write: (line) => lines.write(format(line)) };
}

/** An error as it stands in the log. */
interface LoggedError {
  readonly code?: string;
  readonly message: string;
  readonly remedy?: string;
  readonly stack?: string;
  readonly cause?: LoggedError;
}

/** Cause chains longer than this are cut: a cycle must not hang the log. */
const MAX_CAUSES = 5;

/**
 * Plain data of anything that was thrown or came over a port: code, message, remedy and cause.
 * @param withStack true at level debug
 */
export function serializeError(thrown: unknown, withStack = false, depth = 0): LoggedError {
  if (typeof thrown !== 'object' || thrown === null) return { message: String(thrown) };
  // HuatuoError, WireError and Node's system errors have these, each its own subset.
  const { code, message, remedy, stack, cause } = thrown as Partial<Record<keyof LoggedError, unknown>>;
  const text =
    typeof message === 'string'
      ? message
      : inspect(thrown, { depth: 1, breakLength: Number.POSITIVE_INFINITY });
  const why =
    cause !== undefined && depth < MAX_CAUSES ? serializeError(cause, withStack, depth + 1) : undefined;
  return {
    ...(typeof code === 'string' && { code }),
    message: text,
    ...(typeof remedy === 'string' && { remedy }),
    ...(withStack && typeof stack === 'string' && { stack }),
    ...(why && !isSaid(text, why) && { cause: why }),
  };
}

/** One that was wrapped has its message in that of the wrapper: it is told when it has more to say. */
function isSaid(text: string, { message, ...more }: LoggedError): boolean {
  return Object.keys(more).length === 0 && text.startsWith(message);
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/** `auto` is pretty on a terminal and JSON elsewhere. */
export type LogFormat = 'auto' | 'json' | 'pretty';

export interface LogConfig {
  readonly level: LogLevel;
  readonly format: LogFormat;
}
