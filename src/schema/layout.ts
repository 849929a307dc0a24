/** Layout of a collector's event, from the anchor that ties the ring `events` to its struct (bpf/include/event.h). */
import { createHash } from 'node:crypto';
import type { Btf } from './btf.ts';
import { buildFailed, type SourceLocation } from './failure.ts';
import { type Strictness, structFields } from './fields.ts';
import type { EventLayout, EventVariant, FieldLayout } from './manifest.ts';
import { isTail } from './record.ts';
import { isShown } from './semantics.ts';
import { checkVariants, variantAnchors, variantName } from './variants.ts';

export const SEVERITIES = ['info', 'warning', 'critical'] as const;
const TRACER = /^[a-z][a-z0-9_]{0,63}$/;

/** Where everything of an event is: what the decoder goes by. */
export type StructLayout = Pick<EventLayout, 'struct' | 'bytes' | 'fields' | 'variants' | 'hash'>;

/**
 * The event of an object that is being built, held to every rule.
 * @param collector names the documents unless the struct has a TRACER()
 * @returns undefined when the object has no event
 * @throws HuatuoError BUILD_FAILED naming struct and field
 */
export function eventLayout(btf: Btf, collector: string, file: string): EventLayout | undefined {
  const id = eventStruct(btf, file);
  if (id === undefined) return undefined;
  const layout = structLayout(btf, id, file, 'event');
  const location = { file, subject: `struct ${layout.struct}` };
  const doc = btf.tag('doc:', id);
  if (!doc)
    throw buildFailed(location, 'no documentation', 'add DOC("one sentence") behind the closing brace');
  checkTimes(layout.fields, location);
  const { struct, bytes, fields, variants, hash } = layout;
  for (const variant of variants ?? []) {
    const here = { file, subject: `struct ${variant.struct}` };
    if (variant.doc === '') throw buildFailed(here, 'no documentation', 'add DOC("one sentence")');
    checkTimes(variant.fields, here);
  }
  return {
    struct,
    bytes,
    tracer: tracerOf(btf, id, collector, location),
    severity: severityOf(btf, id, location),
    schemaVersion: schemaOf(btf, id, location),
    doc,
    fields,
    ...(variants && { variants }),
    hash,
  };
}

/**
 * The event of an object that was built some time: its places, whatever it is called and documented like.
 * @throws HuatuoError BUILD_FAILED for a struct that cannot be read at all
 */
export function builtLayout(btf: Btf, file: string): StructLayout | undefined {
  const id = eventStruct(btf, file);
  return id === undefined ? undefined : structLayout(btf, id, file, 'built');
}

function eventStruct(btf: Btf, file: string): number | undefined {
  const anchor = btf.variable('event_anchor');
  return anchor === undefined ? undefined : anchoredStruct(btf, anchor, { file });
}

function structLayout(btf: Btf, id: number, file: string, strictness: Strictness): StructLayout {
  const struct = btf.type(id);
  if (struct.kind !== 'struct') throw notAStruct({ file });
  const location = { file, subject: `struct ${struct.name}` };
  const fields = structFields({ btf, location, strictness }, id);
  checkTail(fields, location);
  const variants = variantAnchors(btf, file).map(({ id: anchor, tag }): EventVariant => {
    const other = anchoredStruct(btf, anchor, { file });
    const type = btf.type(other);
    if (type.kind !== 'struct') throw notAStruct({ file });
    const here = { file, subject: `struct ${type.name}` };
    const own = named(structFields({ btf, location: here, strictness }, other), tag, type.name);
    checkTail(own, here);
    return { tag, struct: type.name, bytes: type.bytes, doc: btf.tag('doc:', other) ?? '', fields: own };
  });
  const layout = {
    struct: struct.name,
    bytes: struct.bytes,
    fields: named(fields, 0, struct.name),
    ...(variants.length > 0 && { variants }),
  };
  checkVariants(layout, variants, file);
  return { ...layout, hash: createHash('sha256').update(layoutLines(layout).join('\n')).digest('hex') };
}

/** The layout as a table, for the error that refuses an object: two of them side by side show what moved. */
export function describeLayout(layout: StructLayout): string {
  return `layout ${layout.hash.slice(0, 12)}\n${layoutLines(layout).join('\n')}\n`;
}

/** The canonical layout, which is exactly what is hashed: whatever changes the hash can be seen in it. */
function layoutLines(layout: Omit<StructLayout, 'hash'>): string[] {
  return [
    `struct ${layout.struct}, ${layout.bytes} bytes`,
    'offset  bytes format     field',
    ...fieldLines(layout.fields, 0, ''),
    ...(layout.variants ?? []).flatMap(({ tag, struct, bytes, fields }) => [
      `variant ${tag}, struct ${struct}, ${bytes} bytes`,
      ...fieldLines(fields, 0, ''),
    ]),
  ];
}

function fieldLines(fields: readonly FieldLayout[], base: number, parent: string): string[] {
  return fields.flatMap((field) => {
    const offset = base + field.offset;
    const path = parent + field.name;
    const count = field.length === undefined ? '' : `[${field.length}]`;
    const key = field.json === field.name ? '' : ` as ${field.json}`;
    const names = Object.entries(field.enumerators ?? {}).map(([value, name]) => `${name}=${value}`);
    const line = `${String(offset).padStart(6)} ${String(field.bytes).padStart(6)} ${field.format.padEnd(10)} ${path}${count}${key}`;
    const lookup = field.owner ? ' owner' : field.kernelEnum ? ` enum ${field.kernelEnum}` : '';
    const own =
      (names.length === 0 ? line : `${line} {${names.join(' ')}}`) +
      lookup +
      (field.optional ? ' optional' : '');
    return [own, ...fieldLines(field.fields ?? [], offset, `${path}.`)];
  });
}

/** The tag of a struct is printed as the struct's name. */
function named(fields: readonly FieldLayout[], tag: number, struct: string): readonly FieldLayout[] {
  return fields.map((field) =>
    field.format === 'tag' ? { ...field, enumerators: { [tag]: variantName(struct) } } : field,
  );
}

/** At the top, and with its length in the struct. C itself allows only one, as the last member. */
function checkTail(fields: readonly FieldLayout[], location: SourceLocation): void {
  const lengths = fields.filter(({ format }) => format === 'tail_length').length;
  const tails = fields.filter(isTail).length;
  if (lengths !== tails)
    throw buildFailed(
      location,
      `${tails} tails and ${lengths} tail_length`,
      'a tail has one tail_length beside it',
    );
  for (const field of fields) refuseInside(field, { ...location, field: field.name });
}

function refuseInside({ fields = [] }: FieldLayout, location: SourceLocation): void {
  for (const field of fields) {
    if (isTail(field) || field.format === 'tail_length' || field.format === 'tag')
      throw buildFailed(location, `a ${field.format} inside a nested struct`, 'move it to the top');
    refuseInside(field, location);
  }
}

function anchoredStruct(btf: Btf, anchor: number, location: SourceLocation): number {
  const variable = btf.type(anchor);
  const pointer = variable.kind === 'var' ? btf.type(btf.resolve(variable.type)) : variable;
  if (pointer.kind !== 'ptr') throw notAStruct(location);
  return btf.resolve(pointer.type);
}

function notAStruct(location: SourceLocation): Error {
  return buildFailed(
    location,
    'an event_anchor that does not name a complete struct',
    'declare the struct above EVENT_RING(struct_name, bytes)',
  );
}

/** Exactly one event time, at the top: it is the document's @timestamp, and other times are durations from it. */
function checkTimes(fields: readonly FieldLayout[], location: SourceLocation): void {
  const times = fields.filter((field) => field.format === 'ktime_ns');
  if (times.length !== 1) {
    const found =
      times.length === 0
        ? 'no ktime_ns'
        : `${times.length} ktime_ns (${times.map((f) => f.name).join(', ')})`;
    throw buildFailed(location, found, 'an event has one ktime_ns field, its time; write others as dur_ns');
  }
  for (const field of fields) checkNoNestedTime(field, { ...location, field: field.name });
}

function checkNoNestedTime(parent: FieldLayout, location: SourceLocation): void {
  for (const field of parent.fields ?? []) {
    const here = { ...location, field: `${location.field}.${field.name}` };
    if (field.format === 'ktime_ns') {
      throw buildFailed(
        here,
        'a ktime_ns inside a nested struct',
        'move it to the top, or write it as dur_ns',
      );
    }
    checkNoNestedTime(field, here);
  }
}

function tracerOf(btf: Btf, id: number, collector: string, location: SourceLocation): string {
  const tracer = btf.tag('tracer:', id) ?? collector;
  if (TRACER.test(tracer)) return tracer;
  throw buildFailed(
    location,
    `tracer name '${tracer}'`,
    'use at most 64 of a-z, 0-9 and _, starting with a letter',
  );
}

function severityOf(btf: Btf, id: number, location: SourceLocation): EventLayout['severity'] {
  const found = btf.tag('severity:', id) ?? 'info';
  const severity = SEVERITIES.find((known) => known === found);
  if (severity) return severity;
  throw buildFailed(location, `severity '${found}'`, `use SEVERITY() with one of ${SEVERITIES.join(', ')}`);
}

function schemaOf(btf: Btf, id: number, location: SourceLocation): number {
  const found = btf.tag('schema:', id) ?? '1';
  if (/^[1-9]\d{0,5}$/.test(found)) return Number(found);
  throw buildFailed(location, `schema version '${found}'`, 'use SCHEMA() with a whole number from 1');
}

/** The event's time is the envelope's `@timestamp`, and padding has no meaning. */
export function payloadFields(fields: readonly FieldLayout[]): readonly FieldLayout[] {
  return fields.filter((field) => field.format !== 'ktime_ns' && isShown(field));
}

/** Names of an enum in the order of their values. */
export function namesOf(field: FieldLayout): readonly string[] {
  const entries = Object.entries(field.enumerators ?? {});
  return entries.sort(([a], [b]) => (BigInt(a) < BigInt(b) ? -1 : 1)).map(([, name]) => name);
}
