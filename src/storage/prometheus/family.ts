/**
 * Checks the text that a collector hands over for the page. Built-in collectors cannot get this wrong (their instruments see to
 * it), but text crosses a thread as plain data, and one bad line makes Prometheus reject the whole page. So it is checked line by
 * line, once: it comes again only when it is another one.
 */
import { LABEL_NAME, METRIC_NAME } from '../../sdk/instrument-names.ts';
import { labelText } from '../../sdk/label-text.ts';
import type { FamilyText } from '../../sdk/metrics.ts';

const TYPES: ReadonlySet<unknown> = new Set(['counter', 'gauge', 'histogram']);
/** What a page adds: `le` to the buckets of a histogram, the others to families with upstream's names. */
const ADDED_LABELS: ReadonlySet<string> = new Set(['le', 'region', 'host']);
const VALUE = String.raw`"(?:[^"\\\n]|\\[\\"n])*"`;
const LABEL = new RegExp(`([^=,"]*)=${VALUE}(?:,(?!$)|$)`, 'y');

/** One that may stand on a page. */
export class PageFamily {
  readonly text: FamilyText;
  /** Labels of each series, as they stand between the braces. */
  readonly lines: readonly string[];
  readonly #names: readonly string[];
  #marked: string | undefined;
  #prefixes: { readonly shared: string; readonly texts: readonly string[] } | undefined;

  constructor(text: FamilyText, lines: readonly string[], names: readonly string[]) {
    this.text = text;
    this.lines = lines;
    this.#names = names;
  }

  /** What two must have in common to be one family: type, buckets and labels. */
  get shape(): string {
    const { type, bounds = [] } = this.text;
    return `${type} ${bounds} ${this.#names}`;
  }

  /** Whether each series says in its label `collector` that it is this one's. */
  isMarked(collector: string): boolean {
    if (this.#marked === collector) return true;
    // A quote within a value is escaped, so this cannot stand inside of one.
    const mark = `,${labelText({ collector })},`;
    if (!this.lines.every((line) => `,${line},`.includes(mark))) return false;
    this.#marked = collector;
    return true;
  }

  /**
   * Everything of a page's lines but the numbers, each with the end of the line before it.
   * @param shared labels that are added to each series: `region="eu"`; empty for none
   */
  prefixes(shared: string): readonly string[] {
    if (this.#prefixes?.shared !== shared) this.#prefixes = { shared, texts: this.#makePrefixes(shared) };
    return this.#prefixes.texts;
  }

  #makePrefixes(shared: string): string[] {
    const { name, bounds } = this.text;
    if (!bounds) return this.lines.map((line) => prefix(name, line, shared));
    return this.lines.flatMap((line) => [
      ...[...bounds, '+Inf'].map((le) => prefix(`${name}_bucket`, line, `le="${le}"`, shared)),
      prefix(`${name}_sum`, line, shared),
      prefix(`${name}_count`, line, shared),
    ]);
  }
}

/** Of the same name. Most families are as before when there is a new series in another one. */
export function isSameText(a: FamilyText, b: FamilyText): boolean {
  return (
    a.series === b.series && a.help === b.help && a.type === b.type && String(a.bounds) === String(b.bounds)
  );
}

/** How many values belong to a family, whatever else is wrong with it. */
export function valueCount(text: FamilyText): number {
  if (!isRecord(text) || typeof text.series !== 'string') return 0;
  const width = Array.isArray(text.bounds) ? text.bounds.length + 2 : 1;
  let lines = 1;
  for (let at = text.series.indexOf('\n'); at !== -1; at = text.series.indexOf('\n', at + 1)) lines++;
  return lines * width;
}

/** @returns what is wrong with it, as a clause, when it cannot be on a page */
export function checkFamily(text: FamilyText): PageFamily | string {
  if (!isRecord(text)) return 'is not an object';
  const { name, type, help, bounds, series } = text;
  if (typeof name !== 'string' || !METRIC_NAME.test(name)) return 'has an invalid name';
  if (!TYPES.has(type)) return 'has an unknown type';
  if (typeof help !== 'string' || help.trim() === '' || !help.isWellFormed()) return 'has no help';
  if ((type === 'histogram') !== (bounds !== undefined))
    return 'has buckets and is no histogram, or the reverse';
  if (bounds && !areAscending(bounds)) return 'has buckets that are not numbers in ascending order';
  if (typeof series !== 'string') return 'has no series';
  return checkSeries(text);
}

function checkSeries(text: FamilyText): PageFamily | string {
  const { series } = text;
  if (!series.isWellFormed()) return 'has a label value that is not well-formed Unicode';
  const lines = series.split('\n');
  const names = labelNames(lines[0] ?? '');
  if (!names) return 'has labels that cannot be read';
  const invalid = names.find((name) => !LABEL_NAME.test(name) || ADDED_LABELS.has(name));
  if (invalid !== undefined || new Set(names).size !== names.length) return 'has an invalid label name';
  const pattern = new RegExp(`^${names.map((name) => `${name}=${VALUE}`).join()}$`);
  if (!lines.every((line) => pattern.test(line)))
    return 'has series with different labels, or labels that cannot be read';
  if (new Set(lines).size !== lines.length) return 'has the same series twice';
  return new PageFamily(text, lines, names);
}

/** @returns undefined when these are no labels */
function labelNames(line: string): string[] | undefined {
  const names: string[] = [];
  LABEL.lastIndex = 0;
  while (LABEL.lastIndex < line.length) {
    const name = LABEL.exec(line)?.[1];
    if (name === undefined) return undefined;
    names.push(name);
  }
  return names;
}

function areAscending(bounds: readonly string[]): boolean {
  return (
    Array.isArray(bounds) &&
    bounds.length > 0 &&
    bounds.every(
      (bound, i) =>
        /^[-+.\de]+$/.test(bound) &&
        Number.isFinite(Number(bound)) &&
        !(Number(bound) <= Number(bounds[i - 1])),
    )
  );
}

/** Joined at once: a string that is put together by `+` is copied anew for each page. */
function prefix(name: string, ...labels: readonly string[]): string {
  const text = labels.filter(Boolean).join();
  return (text === '' ? ['\n', name, ' '] : ['\n', name, '{', text, '} ']).join('');
}

function isRecord(value: unknown): boolean {
  return typeof value === 'object' && value !== null;
}
