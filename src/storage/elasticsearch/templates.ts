/**
 * The templates of our data streams and indices, as data. The parts of a document that all tracers share are one component template;
 * `tracer_data` of each tracer is one more, from the mapping that the build has made of its C struct. Nothing is mapped dynamically,
 * so no document can make the server's field list grow: free-form maps are one flattened field each.
 */
import { readFileSync } from 'node:fs';
import { at } from '../../paths.ts';
import type { ElasticsearchConfig } from './config.ts';
import type { Product } from './server.ts';

/** Rises with every change of this file that a server shall take over. */
export const LAYOUT_VERSION = 1;
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
  readonly retention: 'lifecycle' | 'ilm' | 'none';
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
  config: ElasticsearchConfig,
  tracers: readonly string[],
  abilities: Abilities,
): Template[] {
  return [shared(config, abilities), ...tracers.flatMap((tracer) => ofTracer(config, tracer, abilities))];
}

function shared({ retention_days }: ElasticsearchConfig, { freeForm, retention }: Abilities): Template {
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

/** Name of the ILM policy. */
export const POLICY = 'huatuo';

function ofTracer(config: ElasticsearchConfig, tracer: string, { freeForm }: Abilities): Template[] {
  const generated = generatedMapping(tracer);
  const data = generated ? { ...generated.tracer_data, dynamic: false } : freeFormField(freeForm);
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
  return type === 'object' ? { type, enabled: false } : { type };
}

interface GeneratedMapping {
  readonly tracer_data: object;
  readonly schemaVersion: number;
}

/** What the build has made for a tracer of ours; undefined for those of others and of TypeScript alone. */
function generatedMapping(tracer: string): GeneratedMapping | undefined {
  try {
    const text = readFileSync(at('src/generated', `${tracer}.mapping.json`), 'utf8');
    const { _meta, properties } = JSON.parse(text) as {
      _meta: { schema_version: number };
      properties: { tracer_data: object };
    };
    return { tracer_data: properties.tracer_data, schemaVersion: _meta.schema_version };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
