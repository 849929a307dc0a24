/**
 * A page as text. What does not change from scrape to scrape is ready (`PageFamily.prefixes`), numbers are put between.
 *
 * Formats: https://prometheus.io/docs/instrumenting/exposition_formats/ and https://prometheus.io/docs/specs/om/open_metrics_spec/
 */
import { escapeLabelValue, labelText } from '../../sdk/label-text.ts';
import type { PageEntry } from './page.ts';
import { PageBytes } from './page-bytes.ts';
import type { Sampled } from './reader.ts';

/** Existing HuaTuo dashboards select by these labels; what is new leaves naming the target to Prometheus. */
export interface PageLabels {
  readonly region: string;
  readonly host: string;
}

/** `text`: Prometheus text format 0.0.4. `openmetrics`: 1.0. */
export type PageFormat = 'text' | 'openmetrics';

const UPSTREAM_PREFIX = 'huatuo_bamai_';
const COUNTER_SUFFIX = '_total';
const UNIT = /_(seconds|bytes|ratio)$/;

/**
 * @param entries sorted by name
 * @returns the page in UTF-8
 */
export function renderPage(
  entries: readonly PageEntry[],
  labels: PageLabels,
  format: PageFormat,
): Buffer<ArrayBuffer> {
  const shared = labelText({ region: labels.region, host: labels.host });
  const known = kept[format].get(entries);
  const heads = known?.heads ?? headsOf(entries, format);
  const page = new PageBytes(known?.bytes ?? 0);
  for (const [index, { first, parts }] of entries.entries()) {
    page.add(heads[index]!);
    for (const part of parts)
      addSamples(page, part, first.text.name.startsWith(UPSTREAM_PREFIX) ? shared : '');
  }
  if (format === 'openmetrics') page.add(entries.length > 0 ? '\n# EOF' : '# EOF', '\n');
  else if (entries.length > 0) page.add('\n');
  const bytes = page.end();
  // Values of the next one may be longer by some digits.
  kept[format].set(entries, { heads, bytes: Math.ceil(bytes.byteLength * ROOM) });
  return bytes;
}

/** What is there already of a page that is written again (`KeptPage`). */
interface Kept {
  readonly heads: readonly string[];
  /** As many as it may need. */
  readonly bytes: number;
}

const ROOM = 1.02;
const kept: Readonly<Record<PageFormat, WeakMap<readonly PageEntry[], Kept>>> = {
  text: new WeakMap(),
  openmetrics: new WeakMap(),
};

/** Everything but the first begins with the end of the line before it. */
function headsOf(entries: readonly PageEntry[], format: PageFormat): readonly string[] {
  const names = new Set(entries.map(({ first }) => first.text.name));
  return entries.map(({ first }, index) => {
    const head = format === 'text' ? textHead(first.text) : openMetricsHead(first.text, names);
    return index === 0 ? head.trimStart() : head;
  });
}

type Head = Pick<PageEntry['first']['text'], 'name' | 'help' | 'type'>;

function textHead({ name, help, type }: Head): string {
  return `\n\n# HELP ${name} ${help.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')}\n# TYPE ${name} ${type}`;
}

/** A counter is named there without its suffix. One without it, as some of upstream's, or whose name is another one's, has no type. */
function openMetricsHead({ name, help, type }: Head, names: ReadonlySet<string>): string {
  const base = name.slice(0, -COUNTER_SUFFIX.length);
  const isCounter = type === 'counter' && name.endsWith(COUNTER_SUFFIX) && !names.has(base);
  const named = isCounter ? base : name;
  const unit = UNIT.exec(named)?.[1];
  const typed = type === 'counter' && !isCounter ? 'unknown' : type;
  const lines = [`# HELP ${named} ${escapeLabelValue(help)}`, `# TYPE ${named} ${typed}`];
  if (unit !== undefined) lines.push(`# UNIT ${named} ${unit}`);
  return `\n${lines.join('\n')}`;
}

function addSamples(page: PageBytes, { family, values }: Sampled, shared: string): void {
  const prefixes = family.prefixes(shared);
  const buckets = (family.text.bounds?.length ?? 0) + 1;
  if (!family.text.bounds) {
    for (let i = 0; i < values.length; i++)
      if (!Number.isNaN(values[i])) page.add(prefixes[i]!, numberText(values[i]!));
    return;
  }
  let at = 0;
  for (let from = 0; from < values.length; from += buckets + 1) {
    for (let i = 0; i <= buckets; i++) page.add(prefixes[at++]!, numberText(values[from + i]!));
    page.add(prefixes[at++]!, numberText(values[from + buckets - 1]!));
  }
}

/** A number as it is, so that its text is made in the page's and nowhere else. */
function numberText(value: number): string | number {
  if (Number.isFinite(value)) return value;
  return value > 0 ? '+Inf' : value < 0 ? '-Inf' : 'NaN';
}
