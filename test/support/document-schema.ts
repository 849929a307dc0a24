/** Holds documents against what their collector declares: the struct in C and the fields of its module. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readDescription } from '../../src/build/descriptions.ts';
import { at } from '../../src/paths.ts';
import { payloadFields } from '../../src/schema/layout.ts';
import type { FieldLayout, ObjectManifest } from '../../src/schema/manifest.ts';
import { isTail } from '../../src/schema/record.ts';
import { APPEARANCE, isObjectFormat, isShown, OWNER_MEMBERS } from '../../src/schema/semantics.ts';
import type { DocumentField, DocumentFields } from '../../src/sdk/document.ts';

/** A field of either origin: problems of a value, each with its path. */
type Check = (value: unknown, path: string) => string[];

interface Field {
  readonly check: Check;
  readonly optional: boolean;
}
type Fields = Readonly<Record<string, Field>>;

const isWhole = (value: unknown): boolean =>
  typeof value === 'bigint' || (typeof value === 'number' && Number.isInteger(value));
const SCALARS: Readonly<Record<string, (value: unknown) => boolean>> = {
  bytes: (value) => isWhole(value) && Number(value) >= 0,
  nanoseconds: isWhole,
  integer: isWhole,
  decimal: (value) => typeof value === 'number',
  boolean: (value) => typeof value === 'boolean',
  keyword: (value) => typeof value === 'string',
};

/** @returns what is wrong with a payload: undeclared, missing, of another type */
export function documentProblems(declared: DocumentFields, data: unknown, event: Fields = {}): string[] {
  return checkObject(merge(event, declared), data, '');
}

/** Of a built-in collector: its event struct with what its module adds, or what its module saves. */
export function builtInProblems(collector: string, data: unknown): string[] {
  const object = at(`dist/bpf/${collector}.json`);
  const event = existsSync(object)
    ? eventFields(JSON.parse(readFileSync(object, 'utf8')) as ObjectManifest)
    : {};
  const declared = readDescription(
    join(at('dist/src/collectors/events'), `${collector}.description.json`),
  )?.document;
  return documentProblems(declared ?? {}, data, event);
}

/** The payload of a struct. */
export function eventFields({ event }: ObjectManifest): Fields {
  return ofLayout(payloadFields(event?.fields ?? []));
}

function ofLayout(fields: readonly FieldLayout[]): Fields {
  return Object.fromEntries(
    fields
      .filter(isShown)
      .flatMap((field): [string, Field][] => [
        [field.json, { optional: field.optional ?? false, check: checkOf(field) }],
        ...(field.owner ? OWNER_FIELDS : []),
      ]),
  );
}

const OWNER_FIELDS = Object.keys(OWNER_MEMBERS).map((key): [string, Field] => [
  key,
  { optional: true, check: (value, path) => (typeof value === 'string' ? [] : [`${path}: no text`]) },
]);

const inner = new WeakMap<Check, Fields>();

function checkOf(field: FieldLayout): Check {
  const { format } = field;
  if (isObjectFormat(format)) return object(ofLayout(field.fields ?? []));
  const type = format === 'pad' ? 'never' : APPEARANCE[format].type;
  const array = type.endsWith('[]') || (field.length !== undefined && !isTail(field));
  const element = new RegExp(`^(?:${type.replace('[]', '').replaceAll(' | ', '|')})$`);
  const one: Check = (value, path) =>
    element.test(typeof value) || (typeof value === 'bigint' && element.test('number'))
      ? []
      : [`${path}: ${typeof value} instead of ${type}`];
  return array ? list(one) : one;
}

function merge(event: Fields, declared: DocumentFields): Fields {
  const merged: Record<string, Field> = { ...event };
  for (const [name, field] of Object.entries(declared)) {
    const known = merged[name] && inner.get(merged[name].check);
    const check =
      field.type === 'struct' && known ? object(merge(known, field.fields)) : checkDeclared(field);
    merged[name] = { optional: field.optional ?? false, check };
  }
  return merged;
}

function checkDeclared(field: DocumentField): Check {
  switch (field.type) {
    case 'struct':
      return object(merge({}, field.fields));
    case 'list':
      return list(checkDeclared(field.of));
    case 'record': {
      const element = checkDeclared(field.of);
      return (value, path) =>
        isObject(value)
          ? Object.entries(value).flatMap(([key, one]) => element(one, `${path}.${key}`))
          : [`${path}: no object`];
    }
    default:
      return (value, path) =>
        SCALARS[field.type]?.(value) ? [] : [`${path}: ${typeof value} instead of ${field.type}`];
  }
}

function list(element: Check): Check {
  return (value, path) =>
    Array.isArray(value)
      ? value.flatMap((one, index) => element(one, `${path}[${index}]`))
      : [`${path}: no list`];
}

function object(fields: Fields): Check {
  const check: Check = (value, path) => checkObject(fields, value, `${path}.`);
  inner.set(check, fields);
  return check;
}

function checkObject(fields: Fields, value: unknown, prefix: string): string[] {
  if (!isObject(value)) return [`${prefix}: no object`];
  const undeclared = Object.keys(value).filter((key) => !Object.hasOwn(fields, key));
  return [
    ...undeclared.map((key) => `${prefix}${key}: not declared`),
    ...Object.entries(fields).flatMap(([name, { check, optional }]) => {
      if (value[name] !== undefined) return check(value[name], `${prefix}${name}`);
      return optional ? [] : [`${prefix}${name}: missing`];
    }),
  ];
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
