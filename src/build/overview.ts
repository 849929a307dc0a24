/** One row for each collector: what it answers, how, on which kernel, at what price, and where it may be wrong. */
import type { CollectorDescription } from '../catalog/description.ts';
import type { ObjectManifest } from '../schema/manifest.ts';
import type { About } from '../sdk/about.ts';
import type { CollectorKind } from '../sdk/collector.ts';
import { type Costs, costOf } from './costs.ts';
import { cell, table } from './markdown.ts';

/** All that is known of one collector when it is built: at least one of the two. */
export interface CollectorSources {
  readonly name: string;
  readonly manifest?: ObjectManifest;
  readonly description?: CollectorDescription;
}

/** @returns sorted by name */
export function collectorSources(
  manifests: readonly ObjectManifest[],
  descriptions: ReadonlyMap<string, CollectorDescription>,
): CollectorSources[] {
  const objects = new Map(manifests.map((manifest) => [manifest.collector, manifest]));
  return [...new Set([...objects.keys(), ...descriptions.keys()])].sort().map((name) => {
    const [manifest, description] = [objects.get(name), descriptions.get(name)];
    return { name, ...(manifest && { manifest }), ...(description && { description }) };
  });
}

function kindOf({ manifest, description }: CollectorSources): CollectorKind {
  return description?.kind ?? (manifest?.event ? 'event' : 'metric');
}

/** The module's own word goes before the object's. */
function aboutOf({ manifest, description }: CollectorSources): About | undefined {
  return description?.about ?? manifest?.about;
}

/** What a source must add, by the name it has there, for its row to be complete. */
export function missingIn(sources: CollectorSources): string[] {
  const about = aboutOf(sources);
  if (!about) return sources.manifest ? ['QUESTION(), KERNEL() and FALSE_POSITIVES()'] : ['about'];
  const blank = (['question', 'kernel', 'falsePositives'] as const).filter((key) => about[key].trim() === '');
  return sources.manifest || about.reads ? blank : [...blank, 'reads'];
}

/** The table at the top of the reference. */
export function overviewTable(collectors: readonly CollectorSources[], costs?: Costs): string {
  const rows = collectors.map((sources) => {
    const { name, manifest } = sources;
    const about = aboutOf(sources);
    const cost = costOf(name, manifest?.attachPoints ?? [], costs);
    return [
      `[\`${name}\`](#${name})`,
      kindOf(sources),
      ...[about?.question, probesOf(sources), about?.kernel, about?.falsePositives].map((text) =>
        cell(text ?? ''),
      ),
      cost,
    ];
  });
  return table(
    ['Collector', 'Kind', 'Question', 'Probes', 'Kernel', 'False positives, blind spots', 'Cost of a run'],
    rows,
  );
}

function probesOf(sources: CollectorSources): string {
  const sections = new Set(sources.manifest?.attachPoints.map(({ section }) => section));
  const reads = aboutOf(sources)?.reads;
  return [...[...sections].map((section) => `\`${section}\``), ...(reads ? [reads] : [])].join(', ');
}

const KINDS: readonly CollectorKind[] = ['event', 'autotracing', 'metric'];

/** The table of README.md. */
function summaryTable(collectors: readonly CollectorSources[]): string {
  const rows = KINDS.flatMap((kind) =>
    collectors
      .filter((sources) => kindOf(sources) === kind)
      .map((sources) => {
        const question = aboutOf(sources)?.question ?? '';
        const off = sources.description?.enabledByDefault === false;
        return [`\`${sources.name}\``, kind, cell(off ? `(off by default) ${question}` : question)];
      }),
  );
  return table(['collector', 'kind', 'answers'], rows);
}

const SUMMARY = /(<!-- collectors: [^\n]*-->\n)[\s\S]*?(\n<!-- \/collectors -->)/;

/**
 * @param readme between two comments its table of collectors
 * @returns the same with the table as it ought to be
 */
export function withSummary(readme: string, collectors: readonly CollectorSources[]): string {
  return readme.replace(
    SUMMARY,
    (_, start: string, end: string) => `${start}\n${summaryTable(collectors)}\n${end}`,
  );
}
