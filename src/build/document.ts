/** What a collector declares of its documents (src/sdk/document.ts) -> Elasticsearch mapping and rows of the reference. */
import type { DocumentField, DocumentFields, ScalarField } from '../sdk/document.ts';

interface Appearance {
  readonly elasticsearch: string;
  readonly json: string;
  readonly unit: string;
}

const APPEARANCE: Readonly<Record<ScalarField['type'], Appearance>> = {
  bytes: { elasticsearch: 'long', json: 'number', unit: 'bytes' },
  nanoseconds: { elasticsearch: 'long', json: 'number', unit: 'nanoseconds' },
  integer: { elasticsearch: 'long', json: 'number', unit: 'whole number' },
  decimal: { elasticsearch: 'double', json: 'number', unit: '' },
  boolean: { elasticsearch: 'boolean', json: 'boolean', unit: '' },
  keyword: { elasticsearch: 'keyword', json: 'string', unit: 'text' },
};

type Properties = Record<string, object>;

/**
 * Adds declared fields to the properties of a mapping; structs of the same name become one.
 * @param properties those of the event struct
 */
export function withDeclared(properties: Properties, fields: DocumentFields): Properties {
  const merged = { ...properties };
  for (const [name, field] of Object.entries(fields)) merged[name] = mappingOf(field, merged[name]);
  return merged;
}

function mappingOf(field: DocumentField, known: object | undefined): object {
  switch (field.type) {
    case 'struct': {
      const inner = known && 'properties' in known ? (known.properties as Properties) : {};
      return { properties: withDeclared(inner, field.fields) };
    }
    case 'list':
      return mappingOf(field.of, undefined);
    case 'record':
      // Its keys are not known here, and shall not become fields of the index: one field for all of them.
      return { type: 'flattened' };
    default:
      return { type: APPEARANCE[field.type].elasticsearch };
  }
}

/** One row of the reference: path, type, unit, meaning. */
type FieldRow = readonly [path: string, type: string, unit: string, doc: string];

/** Rows of declared fields. A struct without a doc adds to one that the event has, and has no row of its own. */
export function documentRows(fields: DocumentFields, parent = ''): FieldRow[] {
  return Object.entries(fields).flatMap(([name, field]) => rowsOf(`${parent}${name}`, field));
}

function rowsOf(path: string, field: DocumentField): FieldRow[] {
  const element = field.type === 'list' || field.type === 'record' ? field.of : field;
  const doc = field.optional ? `${field.doc} (when it is known)` : field.doc;
  const own: FieldRow[] = field.doc === '' ? [] : [[path, typeOf(field), unitOf(element), doc]];
  return element.type === 'struct' ? [...own, ...documentRows(element.fields, `${path}.`)] : own;
}

function typeOf(field: DocumentField): string {
  switch (field.type) {
    case 'struct':
      return 'object';
    case 'list':
      return `${typeOf(field.of)}[]`;
    case 'record':
      return `object of ${typeOf(field.of)}`;
    default:
      return APPEARANCE[field.type].json;
  }
}

function unitOf(field: DocumentField): string {
  return field.type in APPEARANCE ? APPEARANCE[field.type as ScalarField['type']].unit : '';
}
