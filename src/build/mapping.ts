/**
 * Manifest -> Elasticsearch mapping of `tracer_data`, the body of a component template's `mappings`.
 * Types that Elasticsearch 7 and OpenSearch know too: `unsigned_long` is left out, so u64 is `long`.
 */

import { isDeepStrictEqual } from 'node:util';
import { buildFailed } from '../schema/failure.ts';
import { payloadFields } from '../schema/layout.ts';
import type { EventLayout, FieldLayout } from '../schema/manifest.ts';
import { APPEARANCE, isObjectFormat, isShown, OWNER_MEMBERS } from '../schema/semantics.ts';
import { structsOf } from '../schema/variants.ts';
import type { DocumentFields } from '../sdk/document.ts';
import { withDeclared } from './document.ts';

/**
 * JSON text, formatted as biome would.
 * @param event absent for a collector that only saves documents
 * @param declared what its module adds
 */
export function mappingSource(
  collector: string,
  event: EventLayout | undefined,
  declared: DocumentFields = {},
): string {
  const source = event ? `bpf/${collector}.bpf.c` : `the module ${collector}`;
  const fromEvent = event ? eventProperties(collector, event) : {};
  const mappings = {
    _meta: { generated: `from ${source} by npm run build`, schema_version: event?.schemaVersion ?? 1 },
    properties: { tracer_data: { properties: withDeclared(fromEvent, declared) } },
  };
  return `${JSON.stringify(mappings, null, 2)}\n`;
}

/** Of all structs of the ring: one index holds them all, so a field that two of them have must be the same in both. */
function eventProperties(collector: string, event: EventLayout): Record<string, object> {
  const merged: Record<string, object> = {};
  for (const { struct, fields } of structsOf(event)) {
    for (const [key, mapping] of Object.entries(properties(payloadFields(fields)))) {
      merged[key] ??= mapping;
      if (isDeepStrictEqual(merged[key], mapping)) continue;
      throw buildFailed(
        { file: `bpf/${collector}.bpf.c`, subject: `struct ${struct}`, field: key },
        'another type than in a struct before it',
        'give it the same type, or another name',
      );
    }
  }
  return merged;
}

function properties(fields: readonly FieldLayout[]): Record<string, object> {
  const shown = fields.filter(isShown);
  return Object.fromEntries(
    shown.flatMap((field) => [[field.json, mappingOf(field)], ...(field.owner ? OWNER_MAPPINGS : [])]),
  );
}

const OWNER_MAPPINGS = Object.entries(OWNER_MEMBERS).map(([key, { mapping }]) => [key, mapping] as const);

function mappingOf(field: FieldLayout): object {
  if (isObjectFormat(field.format)) return { properties: properties(field.fields ?? []) };
  return field.format === 'pad' ? {} : APPEARANCE[field.format].mapping;
}
