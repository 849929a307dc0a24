/** `huatuo check --elasticsearch`: which server answers, what the agent would set up there, and what its user lacks. */
import type { Catalog } from '../catalog/catalog.ts';
import type { EffectiveConfig } from '../config/effective.ts';
import { HuatuoError } from '../error.ts';
import { checkServer, type ServerCheck } from '../storage/elasticsearch/check.ts';
import { mappingDirectories, targetName } from '../storage/elasticsearch/config.ts';

/** @throws HuatuoError ELASTICSEARCH_FAILED when it cannot be asked; USAGE without hosts */
export async function checkElasticsearch(config: EffectiveConfig, catalog: Catalog): Promise<ServerCheck> {
  if (config.elasticsearch.hosts.length === 0)
    throw new HuatuoError('USAGE', {
      expected: 'a server to ask',
      found: 'no elasticsearch.hosts',
      remedy: 'set elasticsearch.hosts in the configuration',
    });
  const tracers = catalog.entries
    .filter(({ name, kind }) => kind !== 'metric' && config.collectors[name]?.enabled)
    .map(({ name }) => name);
  const shipping = { ...config.elasticsearch, mappings: mappingDirectories(config.path.collectors) };
  return checkServer(shipping, tracers, AbortSignal.timeout(config.elasticsearch.timeout_ms));
}

export function formatCheck({ config, host, product, steps, retention, lacking, told }: ServerCheck): string {
  const target = targetName(config, 'TRACER');
  const kind = config.layout === 'data_stream' ? 'data streams' : 'indices';
  return [
    `server      ${host}, ${product.name} ${product.version}`,
    `documents   to ${kind} ${target}${config.alias ? `, alias ${config.alias}` : ''}`,
    `retention   ${config.retention_days === 0 ? 'none' : `${config.retention_days} days, by ${retention}`}`,
    ...steps.map(
      ({ kind: what, name, action, found, wanted }) =>
        `${what.padEnd(10)}  ${name}: ${action}${found === undefined ? '' : ` (version ${found} there)`}, version ${wanted}`,
    ),
    config.setup ? 'setup       by the agent' : 'setup       by you: elasticsearch.setup is false',
    ...(told
      ? lacking.length === 0
        ? ['privileges  all there']
        : lacking.map((privilege) => `privileges  lacking: ${privilege}`)
      : ['privileges  the server does not tell; needed are:', ...lackingHint(config.setup, target)]),
  ].join('\n');
}

function lackingHint(setup: boolean, target: string): string[] {
  return [
    `            on ${target.replace('TRACER', '*')}: create documents, create the index, search, refresh`,
    ...(setup ? ['            on the cluster: manage index and component templates'] : []),
  ];
}
