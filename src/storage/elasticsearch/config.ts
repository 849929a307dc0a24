import { at } from '../../paths.ts';

/** How documents get to Elasticsearch or OpenSearch. Made from the section `elasticsearch` of the config file. */
export interface ElasticsearchConfig {
  /** URLs of nodes of one cluster, without credentials; none: nothing is shipped. */
  readonly hosts: readonly string[];
  /** Last part of the names of data streams and indices. */
  readonly namespace: string;
  readonly layout: 'data_stream' | 'index';
  /** Templates are put in place and upgraded by the agent. */
  readonly setup: boolean;
  /** Over every stream; empty for none. */
  readonly alias: string;
  /** Days after which the server may delete; 0 keeps everything. */
  readonly retention_days: number;
  readonly credentials: Credentials;
  readonly compress: boolean;
  readonly bulk_bytes: number;
  readonly bulk_documents: number;
  /** How long documents gather before they are sent. */
  readonly flush_ms: number;
  /** Most bulk requests at a time. */
  readonly concurrency: number;
  readonly timeout_ms: number;
  /** Bound of the rejected documents that are kept. */
  readonly dead_letter_bytes: number;
}

/** With what else of the host matters to it. */
export interface ShippingConfig extends ElasticsearchConfig {
  /** Directories with `<tracer>.mapping.json`; the first one that has a tracer's is taken. */
  readonly mappings: readonly string[];
}

/** Ours, and those of the user's own collectors. */
export function mappingDirectories(collectors: readonly string[]): string[] {
  return [at('src/generated'), ...collectors];
}

/** Secrets are in files, which are read when they are needed; empty: not used. */
export interface Credentials {
  readonly username: string;
  readonly passwordFile: string;
  readonly apiKeyFile: string;
  readonly ca: string;
  readonly clientCertificate: string;
  readonly clientKey: string;
  /** Certificate and name of the server are checked. */
  readonly verify: boolean;
}

/** Name of the data stream or index of one tracer. */
export function targetName(
  { layout, namespace }: Pick<ElasticsearchConfig, 'layout' | 'namespace'>,
  tracer: string,
): string {
  return layout === 'data_stream' ? `logs-huatuo.${tracer}-${namespace}` : `huatuo-${tracer}-${namespace}`;
}
