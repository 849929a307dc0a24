/**
 * A strict reader of the text exposition format 0.0.4: everything that a scraper may refuse is an error here, also what
 * Prometheus itself would forgive (samples before their TYPE, families in pieces).
 * Format: https://prometheus.io/docs/instrumenting/exposition_formats/
 */

export interface PageSample {
  /** With its suffix: `x_bucket`. */
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface PageFamily {
  readonly name: string;
  readonly type: string;
  readonly help: string;
  readonly samples: PageSample[];
}

const TYPES: ReadonlySet<string> = new Set(['counter', 'gauge', 'histogram', 'summary', 'untyped']);
const COMMENT = /^# (HELP|TYPE) ([a-zA-Z_:][a-zA-Z0-9_:]*) (.*)$/;
const SAMPLE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$/s;
const LABEL = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\[\\"n])*)"(,|$)/y;
const NUMBER = /^(?:[+-]?Inf|NaN|[+-]?\d+(?:\.\d+)?(?:e[+-]?\d+)?)$/;

/** @throws Error naming the line that breaks the format */
export function parsePage(page: string): ReadonlyMap<string, PageFamily> {
  if (!page.endsWith('\n')) throw new Error('the page does not end in a newline');
  const families = new Map<string, PageFamily>();
  const seen = new Set<string>();
  let help: { readonly name: string; readonly text: string } | undefined;
  let family: PageFamily | undefined;
  for (const line of page.split('\n')) {
    const fail = (reason: string): never => {
      throw new Error(`${reason}: ${JSON.stringify(line)}`);
    };
    if (line === '') continue;
    const [, kind, name = '', text = ''] = COMMENT.exec(line) ?? [];
    if (kind === 'HELP') {
      if (text === '') fail('empty HELP');
      help = { name, text };
    } else if (kind === 'TYPE') {
      if (help?.name !== name) fail('TYPE without HELP before it');
      if (!TYPES.has(text)) fail('unknown type');
      if (families.has(name)) fail('a family in two pieces');
      family = { name, type: text, help: help?.text ?? '', samples: [] };
      families.set(name, family);
    } else {
      const sample = parseSample(line) ?? fail('unreadable line');
      if (!family || !belongs(sample.name, family)) fail('a sample outside of its family');
      const key = `${sample.name} ${JSON.stringify(Object.entries(sample.labels).sort())}`;
      if (seen.has(key)) fail('a series twice');
      seen.add(key);
      family?.samples.push(sample);
    }
  }
  return families;
}

function belongs(name: string, family: PageFamily): boolean {
  const suffixes = family.type === 'histogram' ? ['_bucket', '_sum', '_count'] : [''];
  return suffixes.some((suffix) => name === family.name + suffix);
}

function parseSample(line: string): PageSample | undefined {
  const [, name, labelText = '', number = ''] = SAMPLE.exec(line) ?? [];
  if (name === undefined || !NUMBER.test(number)) return undefined;
  const labels: Record<string, string> = {};
  LABEL.lastIndex = 0;
  while (LABEL.lastIndex < labelText.length) {
    const [, label, escaped] = LABEL.exec(labelText) ?? [];
    if (label === undefined || escaped === undefined || Object.hasOwn(labels, label)) return undefined;
    labels[label] = escaped.replace(/\\(.)/g, (_, after: string) => (after === 'n' ? '\n' : after));
  }
  return { name, labels, value: Number(number.replace('Inf', 'Infinity')) };
}

/** Samples of one name (with suffix) that carry all of these labels. */
export function samplesOf(
  page: ReadonlyMap<string, PageFamily>,
  name: string,
  labels: Readonly<Record<string, string>> = {},
): PageSample[] {
  const wanted = Object.entries(labels);
  return [...page.values()]
    .flatMap((family) => family.samples)
    .filter((sample) => sample.name === name && wanted.every(([key, text]) => sample.labels[key] === text));
}

/** The value of the one such sample. @throws Error when there is none or more than one */
export function sampleValue(
  page: ReadonlyMap<string, PageFamily>,
  name: string,
  labels: Readonly<Record<string, string>> = {},
): number {
  const found = samplesOf(page, name, labels);
  if (found.length !== 1)
    throw new Error(
      `expected one sample ${name} with ${JSON.stringify(labels)}, found ${found.length} of ${JSON.stringify(samplesOf(page, name))}`,
    );
  return found[0]?.value ?? Number.NaN;
}
