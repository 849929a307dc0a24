/** Manifests -> the reference of collectors with a BPF object, `src/collectors/README.md`. */

import stringWidth from 'string-width';
import type { CollectorDescription } from '../catalog/description.ts';
import { isTail, namesOf } from '../schema/layout.ts';
import type { EventLayout, FieldLayout, ObjectManifest, OptionLayout } from '../schema/manifest.ts';
import { keyCgroup, keyLabels } from '../schema/metrics.ts';
import { APPEARANCE, isObjectFormat, OWNER_MEMBERS } from '../schema/semantics.ts';
import { structsOf, variantName } from '../schema/variants.ts';
import type { DocumentFields } from '../sdk/document.ts';
import { documentRows } from './document.ts';

type Descriptions = ReadonlyMap<string, CollectorDescription>;

/**
 * @param manifests in any order; the page is sorted by name
 * @param descriptions of the modules, by collector
 */
export function referenceSource(
  manifests: readonly ObjectManifest[],
  descriptions: Descriptions = new Map(),
): string {
  const sorted = [...manifests].sort((a, b) => (a.collector < b.collector ? -1 : 1));
  return `${[
    '<!-- Generated from bpf/*.bpf.c by `npm run build`: change the DOC() tags there. -->',
    '# Collectors with a BPF object',
    'One file `bpf/<name>.bpf.c` is one collector. Events become documents; their fields are in `tracer_data`.',
    ...sorted.flatMap((manifest) => section(manifest, descriptions.get(manifest.collector)?.document)),
    ...savedOnly(manifests, descriptions),
  ].join('\n\n')}\n`;
}

/** Collectors without a BPF object that write documents. */
function savedOnly(manifests: readonly ObjectManifest[], descriptions: Descriptions): string[] {
  const objects = new Set(manifests.map(({ collector }) => collector));
  const others = [...descriptions].filter(([name, { document }]) => document && !objects.has(name)).sort();
  const sections = others.flatMap(([name, { doc, document = {} }]) => [
    `## ${name}`,
    cell(doc),
    fieldTable([], document),
  ]);
  return others.length === 0 ? [] : ['# Collectors without a BPF object', ...sections];
}

function section(manifest: ObjectManifest, declared: DocumentFields = {}): string[] {
  return [
    `## ${manifest.collector}`,
    `${cell(manifest.doc)}.`,
    facts(manifest),
    ...(manifest.options.length > 0 ? [optionTable(manifest)] : []),
    ...(manifest.event ? eventTables(manifest.event, declared) : []),
    ...metricTable(manifest),
  ];
}

const CONTAINER = 'those of the container';

/** What its maps show by themselves; metrics of a module are declared there. */
function metricTable({ maps }: ObjectManifest): string[] {
  const rows = maps.flatMap((map) =>
    (map.metrics ?? []).map((metric) => {
      const { type, name, help, shared, perCpu, each } = metric;
      const labels = [
        shared && 'collector',
        keyCgroup(map) && CONTAINER,
        ...keyLabels(map).map((label) => label.name),
        perCpu,
        each,
      ].filter((label) => typeof label === 'string');
      const shown = labels.map((label) => (label === CONTAINER ? label : `\`${label}\``));
      return [`\`${name}\``, type, shown.join(', '), cell(help)];
    }),
  );
  return rows.length > 0 ? [table(['Metric', 'Type', 'Labels', 'Meaning'], rows)] : [];
}

function facts({ collector, event, attachPoints }: ObjectManifest): string {
  const sections = new Set(attachPoints.map(({ section }) => section));
  const points = `Attaches to ${[...sections].map((section) => `\`${section}\``).join(', ')}.`;
  if (!event) return `Metrics only. ${points}`;
  const tracer = event.tracer === collector ? '' : ` Documents are named \`${event.tracer}\`.`;
  return `Severity ${event.severity}, schema version ${event.schemaVersion}.${tracer} ${points}`;
}

function optionTable({ collector, options }: ObjectManifest): string {
  const rows = options.map((option) => [
    `\`collectors.${collector}.${option.key}\``,
    defaultOf(option),
    cell(option.doc),
  ]);
  return table(['Option', 'Default', 'Meaning'], rows);
}

/** One table, or one for each struct of the ring. */
function eventTables(event: EventLayout, declared: DocumentFields): string[] {
  if (!event.variants) return [fieldTable(event.fields, declared)];
  return structsOf(event).flatMap(({ struct, doc, fields }) => [
    `\`${variantName(struct)}\`: ${cell(doc)}.`,
    fieldTable(fields, declared),
  ]);
}

function fieldTable(fields: readonly FieldLayout[], declared: DocumentFields): string {
  const rows = documentRows(declared).map(([path, type, unit, doc]) => [
    `\`${path}\``,
    type,
    unit,
    cell(doc),
  ]);
  return table(
    ['Field', 'Type', 'Unit', 'Meaning'],
    [...fields.flatMap((field) => fieldRows(field, '')), ...rows],
  );
}

function fieldRows(field: FieldLayout, parent: string): string[][] {
  if (field.format === 'pad' || field.format === 'tail_length') return [];
  if (field.format === 'ktime_ns')
    return [['`@timestamp`', 'string', APPEARANCE.ktime_ns.unit, cell(meaning(field))]];
  const path = parent + field.json;
  if (isObjectFormat(field.format)) {
    return [
      [`\`${path}\``, 'object', '', cell(meaning(field))],
      ...(field.fields ?? []).flatMap((child) => fieldRows(child, `${path}.`)),
    ];
  }
  const { type, unit } = APPEARANCE[field.format];
  const array =
    field.length !== undefined && !type.endsWith('[]') && !isTail(field) ? `[${field.length}]` : '';
  const values =
    field.format === 'enum'
      ? namesOf(field)
          .map((name) => `\`${name}\``)
          .join(', ')
      : unit;
  const shown = field.format === 'enum' || field.format === 'kernel_enum' ? 'string' : type + array;
  const owner = Object.entries(field.owner ? OWNER_MEMBERS : {}).map(([key, member]) => [
    `\`${parent}${key}\``,
    member.type,
    member.unit,
    member.doc,
  ]);
  return [[`\`${path}\``, shown, values, cell(meaning(field))], ...owner];
}

function meaning({ doc, optional }: FieldLayout): string {
  return optional ? `${doc}; absent when there is none` : doc;
}

const TIME_UNITS = [
  ['h', 3_600_000_000_000],
  ['m', 60_000_000_000],
  ['s', 1_000_000_000],
  ['ms', 1_000_000],
  ['us', 1_000],
] as const;
const SIZE_UNITS = [
  ['GiB', 2 ** 30],
  ['MiB', 2 ** 20],
  ['KiB', 2 ** 10],
] as const;

/** The default as one would write it in the config: `10ms`, `64KiB`, `true`. */
function defaultOf({ format, defaultValue }: OptionLayout): string {
  if (format === 'bool') return `\`${defaultValue !== 0}\``;
  if (format === 'count') return `\`${defaultValue}\``;
  const units: readonly (readonly [string, number])[] = format === 'dur_ns' ? TIME_UNITS : SIZE_UNITS;
  const unit = units.find(([, size]) => defaultValue !== 0 && defaultValue % size === 0);
  const smallest = format === 'dur_ns' ? 'ns' : 'B';
  return unit ? `\`${defaultValue / unit[1]}${unit[0]}\`` : `\`${defaultValue}${smallest}\``;
}

/** Columns are padded as biome does, and can be read in a terminal. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((_, column) =>
    Math.max(...[head, ...rows].map((cells) => stringWidth(cells[column] ?? ''))),
  );
  const line = (cells: readonly string[], fill: string): string =>
    `| ${cells.map((text, column) => text + fill.repeat((widths[column] ?? 0) - stringWidth(text))).join(' | ')} |`;
  return [
    line(head, ' '),
    line(
      head.map(() => ''),
      '-',
    ),
    ...rows.map((cells) => line(cells, ' ')),
  ].join('\n');
}

/** Text from C in a Markdown cell: no line may end and no column start. */
function cell(text: string): string {
  return text.replace(/\s+/g, ' ').replaceAll('|', '\\|').replaceAll('<', '&lt;');
}
