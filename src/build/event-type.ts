/**
 * Manifest -> TypeScript: the binding of an object. It has the event's payload as `enrich` sees it, the options as
 * `ctx.options` has them, and for each map what its key and value decode to.
 */

import { namesOf, payloadFields } from '../schema/layout.ts';
import type { EventLayout, FieldFormat, FieldLayout, MapLayout, ObjectManifest } from '../schema/manifest.ts';
import { isTail } from '../schema/record.ts';
import {
  APPEARANCE,
  isObjectFormat,
  isShown,
  type MapSide,
  mapFieldType,
  OWNER_MEMBERS,
} from '../schema/semantics.ts';
import { structsOf, variantName } from '../schema/variants.ts';

/** Maps of bpf/include that the framework reads itself: no collector needs their types. */
const FRAMEWORK_MAP = /^(?:ledger|rate_windows)|_drafts$/;
const LINE_WIDTH = 110;

/** Kinds of maps that user space cannot read, or reads in another way. */
const UNREADABLE = new Set(['ringbuf', 'task_storage']);

/**
 * @param sdk what the module imports the types of the SDK from
 * @returns a module, formatted as biome would
 */
export function eventTypeSource(manifest: ObjectManifest, sdk = '../sdk/binding.ts'): string {
  const { collector, event } = manifest;
  const maps = manifest.maps.filter(isReadable);
  return `${[
    `// Generated from bpf/${collector}.bpf.c by \`npm run build\`: change the struct there.`,
    `import type { ${maps.length > 0 ? 'MapOf, ' : ''}ObjectBinding } from '${sdk}';`,
    ...(event ? eventSources(collector, event) : []),
    ...maps.flatMap((map) => mapInterfaces(collector, map)),
    objectSource(manifest, maps),
    bindingSource(collector),
  ].join('\n\n')}\n`;
}

function bindingSource(collector: string): string {
  const start = `export const ${bindingName(collector)}: ObjectBinding<${pascal(collector)}Object> = {`;
  const line = `${start} object: '${collector}' };`;
  return line.length <= LINE_WIDTH ? line : `${start}\n  object: '${collector}',\n};`;
}

/** Global variables have a dot in their map's name; maps that only stand in for others are the program's own. */
function isReadable({ name, type, without }: MapLayout): boolean {
  return !FRAMEWORK_MAP.test(name) && !name.includes('.') && !without && !UNREADABLE.has(type);
}

/** What the collector names, once: event, options and maps. */
function objectSource({ collector, event, options }: ObjectManifest, maps: readonly MapLayout[]): string {
  return [
    `/** What \`ctx\` of the collector \`${collector}\` knows of its object. */`,
    `export interface ${pascal(collector)}Object {`,
    `  event: ${event ? `${pascal(collector)}Event` : 'never'};`,
    ...membersSource(
      'options',
      options.flatMap(({ name, format, doc }) => [
        ...comment([doc], '    '),
        `    ${name}: ${format === 'bool' ? 'boolean' : 'number'};`,
      ]),
    ),
    ...membersSource(
      'maps',
      maps.flatMap((map) => mapMember(collector, map)),
    ),
    '}',
  ].join('\n');
}

function membersSource(name: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [`  ${name}: object;`] : [`  ${name}: {`, ...lines, '  };'];
}

function mapMember(collector: string, map: MapLayout): string[] {
  const [key, value] = (['key', 'value'] as const).map((side) => {
    const [only] = map[side];
    if (only?.name !== '') return only ? pascal(`${collector}_${map.name}_${side}`) : 'Uint8Array';
    return alternativesOf(only, side).join(' | ');
  });
  const line = `    ${map.name}: MapOf<${key}, ${value}>;`;
  if (line.length <= LINE_WIDTH) return [line];
  const parts = (['key', 'value'] as const).map((side) => {
    const [only] = map[side];
    const part = `      ${side === 'key' ? key : value}`;
    return only?.name === '' && part.length >= LINE_WIDTH
      ? alternativesOf(only, side).map((alternative) => `      | ${alternative}`)
      : [part];
  });
  return [`    ${map.name}: MapOf<`, `${parts[0]?.join('\n')},`, `${parts[1]?.join('\n')}`, '    >;'];
}

/** A collector's name as an identifier: some are words of the language. */
function bindingName(collector: string): string {
  const camel = pascal(collector);
  const name = camel.charAt(0).toLowerCase() + camel.slice(1);
  return RESERVED_WORDS.has(name) ? `${name}Object` : name;
}

const RESERVED_WORDS: ReadonlySet<string> = new Set(
  (
    'await break case catch class const continue debugger default delete do else enum export extends false finally for ' +
    'function if import in instanceof let new null return static super switch this throw true try typeof var void while ' +
    'with yield'
  ).split(' '),
);

/** `memory_reclaim` -> `MemoryReclaim`. */
function pascal(name: string): string {
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
  return (['key', 'value'] as const).flatMap((side) => {
    const fields = map[side];
    if (fields.length === 0 || fields[0]?.name === '') return [];
    return [
      interfaceSource(
        pascal(`${collector}_${map.name}_${side}`),
        [`${capital(side)} of the map \`${map.name}\`.`],
        fields,
        side,
      ),
    ];
  });
}

function interfaceSource(
  name: string,
  doc: readonly string[],
  fields: readonly FieldLayout[],
  side?: MapSide,
): string {
  return [
    ...comment(doc, ''),
    `export interface ${name} {`,
    ...fields.flatMap((field) => property(field, '  ', side)),
    '}',
  ].join('\n');
}

function property(field: FieldLayout, indent: string, side?: MapSide): string[] {
  if (field.format === 'pad' || !isShown(field)) return [];
  const unit = isObjectFormat(field.format) ? '' : ` [${unitOf(field.format, side)}]`;
  const text = `${field.doc}${unit}`.trim();
  const doc = text === '' ? [] : comment([text], indent);
  if (isObjectFormat(field.format)) {
    const inner = (field.fields ?? []).flatMap((child) => property(child, `${indent}  `, side));
    return [...doc, `${indent}${keyOf(field)}: {`, ...inner, `${indent}};`];
  }
  return [...doc, ...typed(field, indent, side), ...(field.owner && !side ? ownerMembers(indent) : [])];
}

/** Absent for what belongs to the host. */
function ownerMembers(indent: string): string[] {
  return Object.entries(OWNER_MEMBERS).flatMap(([key, { type, doc }]) => [
    ...comment([`${doc}; absent on the host`], indent),
    `${indent}${key}?: ${type};`,
  ]);
}

/** In a map a time stays on the boot clock, and a stack is not resolved. */
function unitOf(
  format: Exclude<FieldFormat, 'pad' | 'struct' | 'packet'>,
  side: MapSide | undefined,
): string {
  if (side && format === 'ktime_ns') return 'nanoseconds of the boot clock';
  if (side && format === 'kstack') return 'addresses, innermost first';
  if (side && format === 'ustack') return 'build id+offset, or address, innermost first';
  return APPEARANCE[format].unit;
}

function keyOf({ json, optional }: FieldLayout): string {
  return optional ? `${json}?` : json;
}

function typed(field: FieldLayout, indent: string, side: MapSide | undefined): string[] {
  const alternatives = alternativesOf(field, side);
  const line = `${indent}${keyOf(field)}: ${alternatives.join(' | ')};`;
  if (line.length <= LINE_WIDTH) return [line];
  const broken = alternatives.map((alternative) => `${indent}  | ${alternative}`);
  return [`${indent}${keyOf(field)}:`, ...broken.slice(0, -1), `${broken.at(-1)};`];
}

/** The members of a field's union type; one for all but enums. */
function alternativesOf(field: FieldLayout, side: MapSide | undefined): string[] {
  if (field.format === 'tag') return namesOf(field).map((name) => `'${name}'`);
  const type = side ? mapFieldType(field, side) : elementType(field);
  return field.format === 'enum' ? [...namesOf(field).map((name) => `'${name}'`), type] : [type];
}

/** @param field of an event, as JSON has it */
function elementType(field: FieldLayout): string {
  if (field.format === 'pad' || isObjectFormat(field.format)) return 'never';
  if (field.format === 'enum') return 'number';
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
