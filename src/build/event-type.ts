/** Manifest -> TypeScript: the event's payload as `enrich` sees it, and keys and values of maps that are structs. */

import { isTail, namesOf, payloadFields } from '../schema/layout.ts';
import type { EventLayout, FieldLayout, MapLayout, ObjectManifest } from '../schema/manifest.ts';
import { APPEARANCE, isShown, OWNER_MEMBERS } from '../schema/semantics.ts';
import { structsOf, variantName } from '../schema/variants.ts';

/** Maps of bpf/include that the framework reads itself: no collector needs their types. */
const FRAMEWORK_MAP = /^(?:ledger|rate_windows)/;
const LINE_WIDTH = 110;

/** @returns a module, formatted as biome would; empty of exports when the object has neither event nor struct maps */
export function eventTypeSource(manifest: ObjectManifest): string {
  const { collector, event, maps } = manifest;
  const blocks = [
    `// Generated from bpf/${collector}.bpf.c by \`npm run build\`: change the struct there.`,
    ...(event ? eventSources(collector, event) : []),
    ...maps.flatMap((map) => mapInterfaces(collector, map)),
  ];
  if (blocks.length === 1) blocks.push('export {};');
  return `${blocks.join('\n\n')}\n`;
}

/** `memory_reclaim` -> `MemoryReclaim`. */
export function pascal(name: string): string {
  return name.replace(/(?:^|_+)([a-z0-9])/g, (_, first: string) => first.toUpperCase());
}

/** One interface; for a ring of several structs one for each, and the event is any of them. */
function eventSources(collector: string, event: EventLayout): string[] {
  const name = `${pascal(collector)}Event`;
  if (!event.variants) return [interfaceSource(name, eventDoc(event.doc), payloadFields(event.fields))];
  const structs = structsOf(event).map(({ struct, doc, fields }) => ({
    name: `${pascal(collector)}${pascal(variantName(struct))}Event`,
    doc,
    fields,
  }));
  return [
    ...structs.map((struct) =>
      interfaceSource(struct.name, eventDoc(struct.doc), payloadFields(struct.fields)),
    ),
    [
      ...comment(eventDoc(event.doc), ''),
      `export type ${name} = ${structs.map((struct) => struct.name).join(' | ')};`,
    ].join('\n'),
  ];
}

function eventDoc(doc: string): string[] {
  return [
    `${doc}.`,
    'Payload (`tracer_data`) of one document. The bytes on disk are exact; a number above 2^53 loses its last digits when',
    'JSON is parsed.',
  ];
}

function mapInterfaces(collector: string, map: MapLayout): string[] {
  if (FRAMEWORK_MAP.test(map.name)) return [];
  return (['key', 'value'] as const).flatMap((side) => {
    const fields = map[side];
    if (fields.length === 0 || fields[0]?.name === '') return [];
    return [
      interfaceSource(
        pascal(`${collector}_${map.name}_${side}`),
        [`${capital(side)} of the map \`${map.name}\`.`],
        fields,
      ),
    ];
  });
}

function interfaceSource(name: string, doc: readonly string[], fields: readonly FieldLayout[]): string {
  return [
    ...comment(doc, ''),
    `export interface ${name} {`,
    ...fields.flatMap((field) => property(field, '  ')),
    '}',
  ].join('\n');
}

function property(field: FieldLayout, indent: string): string[] {
  if (field.format === 'pad' || !isShown(field)) return [];
  const unit = field.format === 'struct' ? '' : ` [${APPEARANCE[field.format].unit}]`;
  const doc = comment([`${field.doc}${unit}`.trim()], indent);
  if (field.format === 'struct') {
    const inner = (field.fields ?? []).flatMap((child) => property(child, `${indent}  `));
    return [...doc, `${indent}${field.json}: {`, ...inner, `${indent}};`];
  }
  return [...doc, ...typed(field, indent), ...(field.owner ? ownerMembers(indent) : [])];
}

/** Absent for what belongs to the host. */
function ownerMembers(indent: string): string[] {
  return Object.entries(OWNER_MEMBERS).flatMap(([key, { type, doc }]) => [
    ...comment([`${doc}; absent on the host`], indent),
    `${indent}${key}?: ${type};`,
  ]);
}

function typed(field: FieldLayout, indent: string): string[] {
  const alternatives =
    field.format === 'enum'
      ? [...namesOf(field).map((name) => `'${name}'`), 'number']
      : field.format === 'tag'
        ? namesOf(field).map((name) => `'${name}'`)
        : [];
  const type = alternatives.length > 0 ? alternatives.join(' | ') : elementType(field);
  const line = `${indent}${field.json}: ${type};`;
  if (line.length <= LINE_WIDTH) return [line];
  const broken = alternatives.map((alternative) => `${indent}  | ${alternative}`);
  return [`${indent}${field.json}:`, ...broken.slice(0, -1), `${broken.at(-1)};`];
}

function elementType(field: FieldLayout): string {
  if (field.format === 'pad' || field.format === 'struct') return 'never';
  const { type } = APPEARANCE[field.format];
  return field.length === undefined || type.endsWith('[]') || isTail(field) ? type : `${type}[]`;
}

/** Text that came from C must not end the comment it stands in. */
function comment(lines: readonly string[], indent: string): string[] {
  const safe = lines.map((line) => line.replaceAll('*/', '*\\/').replace(/\s+/g, ' '));
  const [only] = safe;
  if (safe.length === 1) return [`${indent}/** ${only} */`];
  return [`${indent}/**`, ...safe.map((line) => `${indent} * ${line}`), `${indent} */`];
}

function capital(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1);
}
