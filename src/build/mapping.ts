/**
 * Manifest -> Elasticsearch mapping of `tracer_data`, the body of a component template's `mappings`.
 * Types that Elasticsearch 7 and OpenSearch know too: `unsigned_long` is left out, so u64 is `long`.
 */

import { payloadFields } from '../schema/layout.ts';
import type { EventLayout, FieldLayout } from '../schema/manifest.ts';
import { APPEARANCE, OWNER_MEMBERS } from '../schema/semantics.ts';

/** JSON text, formatted as biome would. */
export function mappingSource(collector: string, event: EventLayout): string {
  const mappings = {
    _meta: { generated: `from bpf/${collector}.bpf.c by npm run build`, schema_version: event.schemaVersion },
    properties: { tracer_data: { properties: properties(payloadFields(event.fields)) } },
  };
  return `${JSON.stringify(mappings, null, 2)}\n`;
}

function properties(fields: readonly FieldLayout[]): Record<string, object> {
  const shown = fields.filter((field) => field.format !== 'pad');
  return Object.fromEntries(
    shown.flatMap((field) => [[field.json, mappingOf(field)], ...(field.owner ? OWNER_MAPPINGS : [])]),
  );
}

const OWNER_MAPPINGS = Object.entries(OWNER_MEMBERS).map(([key, { mapping }]) => [key, mapping] as const);

function mappingOf(field: FieldLayout): object {
  if (field.format === 'struct') return { properties: properties(field.fields ?? []) };
  return field.format === 'pad' ? {} : APPEARANCE[field.format].mapping;
}
