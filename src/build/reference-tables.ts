/** Tables of one collector in the reference: its options, metrics and the fields of its documents. */
import { mergeOptions } from '../catalog/options.ts';
import { namesOf } from '../schema/layout.ts';
import type { EventLayout, FieldLayout } from '../schema/manifest.ts';
import { isTail } from '../schema/record.ts';
import { APPEARANCE, isObjectFormat, OWNER_MEMBERS } from '../schema/semantics.ts';
import { structsOf, variantName } from '../schema/variants.ts';
import type { DocumentFields } from '../sdk/document.ts';
import type { OptionSpec } from '../sdk/options.ts';
import { documentRows } from './document.ts';
import { cell, table } from './markdown.ts';
import { metricRows } from './metric-rows.ts';
import type { CollectorSources } from './overview.ts';

/** Options of object and module. @returns nothing when there are none */
export function optionTables({ name, manifest, description }: CollectorSources): string[] {
  const rows = Object.entries(mergeOptions(manifest, description?.options)).map(([key, spec]) => [
    `\`collectors.${name}.${key}\``,
    cell(defaultOf(spec)),
    cell(spec.doc),
  ]);
  return rows.length > 0 ? [table(['Option', 'Default', 'Meaning'], rows)] : [];
}

/** The default as one would write it in the file. */
function defaultOf(spec: OptionSpec): string {
  if (spec.type !== 'list') return spec.default === '' ? '' : `\`${spec.default}\``;
  return spec.default.map((element) => `\`${element}\``).join(', ');
}

const OWNER_LABELS = {
  host: [],
  container: ['those of the container'],
  'container, unit': ['those of the container, or the unit'],
} as const;

/** What its maps show by themselves, and what its module declares. @returns nothing when there are none */
export function metricTables(sources: CollectorSources): string[] {
  const rows = metricRows(sources).map(({ name, type, of, labels, help }) => [
    `\`${name}\``,
    type,
    [...OWNER_LABELS[of], ...labels.map((label) => `\`${label}\``)].join(', '),
    cell(help),
  ]);
  return rows.length > 0 ? [table(['Metric', 'Type', 'Labels', 'Meaning'], rows)] : [];
}

/** Fields of its documents: one table, or one for each struct of the ring. */
export function eventTables(event: EventLayout | undefined, declared: DocumentFields = {}): string[] {
  if (!event) return Object.keys(declared).length > 0 ? [fieldTable([], declared)] : [];
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
