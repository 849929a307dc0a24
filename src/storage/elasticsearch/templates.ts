/**
 * The templates of our data streams and indices, as data. The parts of a document that all tracers share are one component template;
 * `tracer_data` of each tracer is one more, from the mapping that the build has made of its C struct. Nothing is mapped dynamically,
 * so no document can make the server's field list grow: free-form maps are one flattened field each.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ShippingConfig } from './config.ts';
import type { Product } from './server.ts';

/** Rises with every change of this file that a server shall take over. */
const LAYOUT_VERSION = 1;
/** Of the schema versions of tracers. */
const MAX_SCHEMA_VERSION = 10_000;

export interface Template {
  readonly kind: 'component' | 'index';
  readonly name: string;
  readonly version: number;
  readonly body: object;
}

/** What the server can. It is found out by trying: builds without the commercial part lack some of it. */
export interface Abilities {
  readonly product: Product;
  /** Type of a free-form map; `object` ones are stored and not indexed. */
  readonly freeForm: 'flattened' | 'flat_object' | 'object';
  /** How old documents are deleted. */
  readonly retention: 'lifecycle' | 'ilm' | 'ism' | 'none';
}

export const SHARED_TEMPLATE = 'huatuo-document';

/** Fields by type; `event_id` is also the document's `_id`. */
const KEYWORDS = [
  'event_id',
  'severity',
  'hostname',
  'region',
  'tracer_name',
  'tracer_type',
  'tracer_id',
  'container_id',
  'container_hostname',
  'container_type',
  'container_qos',
  'container_host_namespace',
  'container_name',
  'container_image',
  'container_runtime',
  'container_cgroup_id',
  'pod_name',
  'systemd_unit',
  'systemd_user_unit',
  'cgroup_path',
  'owner',
];
/** The Elastic Common Schema's names for the same. */
const ECS: Readonly<Record<string, string>> = {
  'event.id': 'event_id',
  'event.action': 'tracer_name',
  'host.name': 'hostname',
  'cloud.region': 'region',
  'log.level': 'severity',
  'container.id': 'container_id',
  'container.name': 'container_name',
  'container.image.name': 'container_image',
  'container.runtime': 'container_runtime',
  'orchestrator.namespace': 'container_host_namespace',
  'orchestrator.resource.name': 'pod_name',
};

/** The templates of some tracers, in the order in which they must be put. */
export function templates(
  config: ShippingConfig,
  tracers: readonly string[],
  abilities: Abilities,
): Template[] {
  return [shared(config, abilities), ...tracers.flatMap((tracer) => ofTracer(config, tracer, abilities))];
}

function shared({ retention_days }: ShippingConfig, { freeForm, retention }: Abilities): Template {
  const aliases = Object.entries(ECS).map(([name, path]) => [name, { type: 'alias', path }]);
  return component(SHARED_TEMPLATE, LAYOUT_VERSION, {
    ...(retention === 'ilm' && { settings: { 'index.lifecycle.name': POLICY } }),
    mappings: {
      dynamic: false,
      properties: {
        '@timestamp': { type: 'date_nanos' },
        uploaded_time: { type: 'date' },
        schema_version: { type: 'integer' },
        // Upstream's layout, which is no date format; for display only.
        time: { type: 'keyword', index: false, doc_values: false },
        tracer_time: { type: 'keyword', index: false, doc_values: false },
        ...Object.fromEntries(KEYWORDS.map((name) => [name, { type: 'keyword', ignore_above: 1024 }])),
        container_labels: freeFormField(freeForm),
        ...Object.fromEntries(aliases),
      },
    },
    ...(retention === 'lifecycle' &&
      retention_days > 0 && { lifecycle: { data_retention: `${retention_days}d` } }),
  });
}

/** Name of the policy, of ILM or ISM. */
export const POLICY = 'huatuo';

function ofTracer(config: ShippingConfig, tracer: string, { freeForm }: Abilities): Template[] {
  const generated = generatedMapping(tracer, config.mappings);
  const data = generated
    ? { ...(adapt(generated.tracer_data, freeForm) as object), dynamic: false }
    : freeFormField(freeForm);
  const version = LAYOUT_VERSION * MAX_SCHEMA_VERSION + (generated?.schemaVersion ?? 0);
  const name = `huatuo-${tracer}`;
  const stream = config.layout === 'data_stream';
  return [
    component(name, version, { mappings: { properties: { tracer_data: data } } }),
    {
      kind: 'index',
      name: stream ? `logs-huatuo.${tracer}` : name,
      version,
      body: {
        index_patterns: [stream ? `logs-huatuo.${tracer}-*` : `huatuo-${tracer}-*`],
        // Above the server's own templates for logs-*-*, which have 100.
        priority: 500,
        version,
        composed_of: [SHARED_TEMPLATE, name],
        ...(stream && { data_stream: {} }),
        template: { ...(config.alias && { aliases: { [config.alias]: {} } }) },
        _meta: { made_by: 'huatuo' },
      },
    },
  ];
}

function component(name: string, version: number, template: object): Template {
  return { kind: 'component', name, version, body: { version, template, _meta: { made_by: 'huatuo' } } };
}

function freeFormField(type: Abilities['freeForm']): object {
  if (type === 'object') return { type, enabled: false };
  // A longer value is kept and not indexed; without that the document would be rejected.
  return type === 'flattened' ? { type, ignore_above: 8191 } : { type };
}

/** The generated mapping with what this server has for free-form maps. */
function adapt(mapping: unknown, freeForm: Abilities['freeForm']): unknown {
  if (typeof mapping !== 'object' || mapping === null) return mapping;
  if ('type' in mapping && mapping.type === 'flattened') return freeFormField(freeForm);
  return Object.fromEntries(Object.entries(mapping).map(([key, value]) => [key, adapt(value, freeForm)]));
}

interface GeneratedMapping {
  readonly tracer_data: object;
  readonly schemaVersion: number;
}

/** What the build has made for a tracer; undefined for one that says nothing of its documents. */
function generatedMapping(tracer: string, directories: readonly string[]): GeneratedMapping | undefined {
  const path = directories.map((directory) => join(directory, `${tracer}.mapping.json`)).find(existsSync);
  if (path === undefined) return undefined;
  const { _meta, properties } = JSON.parse(readFileSync(path, 'utf8')) as {
    _meta: { schema_version: number };
    properties: { tracer_data: object };
  };
  return { tracer_data: properties.tracer_data, schemaVersion: _meta.schema_version };
}
