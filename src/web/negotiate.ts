/** What a client wants of an answer: RFC 9110, 12.4 and 12.5. */
import type { PageFormat } from '../storage/prometheus/render.ts';

export type Encoding = 'identity' | 'gzip' | 'zstd';

interface Wish {
  /** In lower case: `text/plain`, `gzip`, `*`. */
  readonly what: string;
  /** In lower case. */
  readonly parameters: ReadonlyMap<string, string>;
  /** 0 excludes. */
  readonly q: number;
}

const OPEN_METRICS = 'application/openmetrics-text';
/** Versions of OpenMetrics for which what is rendered is right. */
const OPEN_METRICS_VERSIONS = ['1.0.0', '0.0.1'];
const TEXT = 'text/plain';
/** Other versions of the text format (1.0.0) quote names, which no page of the agent needs. */
const TEXT_VERSION = '0.0.4';

interface AcceptedFormat {
  readonly format: PageFormat;
  readonly contentType: string;
}

const TEXT_ANSWER: AcceptedFormat = {
  format: 'text',
  contentType: `${TEXT}; version=${TEXT_VERSION}; charset=utf-8`,
};

/**
 * @param accept the header; who sends none gets text
 * @returns what has the highest q; of two that are equal text, and text, too, for who takes neither
 */
export function acceptedFormat(accept: string | undefined): AcceptedFormat {
  const wishes = parse(accept);
  const text = Math.max(0, ...wishes.filter((wish) => isText(wish)).map(({ q }) => q));
  const openMetrics = wishes
    .filter(
      ({ what, parameters }) =>
        what === OPEN_METRICS && OPEN_METRICS_VERSIONS.includes(versionOf(parameters, '1.0.0')),
    )
    .reduce<Wish | undefined>((best, wish) => (best && best.q >= wish.q ? best : wish), undefined);
  if (!openMetrics || openMetrics.q === 0 || openMetrics.q <= text) return TEXT_ANSWER;
  const version = versionOf(openMetrics.parameters, '1.0.0');
  return { format: 'openmetrics', contentType: `${OPEN_METRICS}; version=${version}; charset=utf-8` };
}

function isText({ what, parameters }: Wish): boolean {
  return what === TEXT && versionOf(parameters, TEXT_VERSION) === TEXT_VERSION;
}

function versionOf(parameters: ReadonlyMap<string, string>, usual: string): string {
  return parameters.get('version') ?? usual;
}

/**
 * @param accepted the header `accept-encoding`
 * @returns what has the highest q; of two that are equal zstd, then gzip
 */
export function acceptedEncoding(accepted: string | undefined): Encoding {
  const wishes = parse(accepted);
  const qOf = (encoding: Encoding): number => {
    const named = wishes.find(({ what }) => what === encoding) ?? wishes.find(({ what }) => what === '*');
    // Without a word of it, identity is what is left.
    return named?.q ?? (encoding === 'identity' ? Number.EPSILON : 0);
  };
  // Who excludes even identity gets it: a page that cannot be read tells more than none.
  const encodings: readonly Encoding[] = ['gzip', 'zstd'];
  return encodings.reduce<Encoding>(
    (best, encoding) => (qOf(encoding) >= qOf(best) && qOf(encoding) > 0 ? encoding : best),
    'identity',
  );
}

function parse(header = ''): Wish[] {
  return header
    .toLowerCase()
    .split(',')
    .map((part) => {
      const [what = '', ...rest] = part.split(';').map((text) => text.trim());
      const parameters = new Map(rest.map((text) => splitAt(text, '=')));
      const q = Number(parameters.get('q') ?? 1);
      return { what, parameters, q: q >= 0 && q <= 1 ? q : 0 };
    })
    .filter(({ what }) => what !== '');
}

function splitAt(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator);
  return at === -1
    ? [text, '']
    : [
        text.slice(0, at).trim(),
        text
          .slice(at + 1)
          .trim()
          .replace(/^"(.*)"$/, '$1'),
      ];
}
