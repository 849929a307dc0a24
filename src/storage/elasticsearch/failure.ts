/** What can go wrong between the agent and a server, by what it means for the documents of the request. */
import { HuatuoError } from '../../error.ts';

/** No whole answer came; the request may have been carried out all the same. */
export class Unavailable extends HuatuoError {
  constructor(host: string, cause: Error) {
    const { code, message } = cause as NodeJS.ErrnoException;
    super('ELASTICSEARCH_FAILED', {
      expected: `an answer from ${host}`,
      // Node adds advice of its own for people who write scripts.
      found: message.split(';', 1)[0] || code || 'none',
      remedy: `${remedyOf(code)}; documents stay in the journal and it is tried again`,
      cause,
    });
  }
}

function remedyOf(code: string | undefined): string {
  if (code === undefined) return 'check whether the server hangs or is overloaded';
  if (code === 'ECONNREFUSED') return 'start the server, or correct elasticsearch.hosts';
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return 'correct the name in elasticsearch.hosts';
  if (/CERT|SELF_SIGNED|ISSUER|ALTNAME|VERIFY/.test(code))
    return 'set elasticsearch.ca to the authority of its certificate';
  return 'check network and server';
}

/** A whole answer that says no to the request as a whole. */
export class Refused extends HuatuoError {
  readonly status: number;
  /** Wait at least this long, if the server said so. */
  readonly retryAfter_ms: number | undefined;

  constructor(what: string, status: number, body: Buffer, retryAfter: string | undefined) {
    super('ELASTICSEARCH_FAILED', {
      expected: what,
      found: `HTTP status ${status}${reasonOf(body)}`,
      remedy: `${statusRemedy(status)}; documents stay in the journal and it is tried again`,
    });
    this.status = status;
    const seconds = Number(retryAfter);
    this.retryAfter_ms =
      retryAfter !== undefined && seconds >= 0 ? Math.min(seconds * 1000, 600_000) : undefined;
  }
}

const MAX_REASON = 300;

/** Type and reason of an error as both products write it; text of the server, so it is cut and cleaned. */
export function reasonOf(body: Buffer): string {
  try {
    const { error } = JSON.parse(body.toString('utf8')) as { error?: { type?: unknown; reason?: unknown } };
    if (error?.type === undefined) return '';
    return `, ${clean(`${String(error.type)}: ${String(error.reason ?? '')}`)}`;
  } catch {
    return '';
  }
}

/** Text of a server, for a log or a document: no control characters, not long. */
export function clean(text: string): string {
  return text.replace(/\p{Cc}+/gu, ' ').slice(0, MAX_REASON);
}

function statusRemedy(status: number): string {
  switch (status) {
    case 401:
      return 'correct user and password, or the API key';
    case 403:
      return 'give the user the privileges that huatuo check --elasticsearch names';
    case 404:
      return 'create the index, or let the agent do it with elasticsearch.setup';
    case 429:
      return 'the server is overloaded';
    default:
      return 'see the log of the server';
  }
}
