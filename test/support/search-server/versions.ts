/** The servers that tests start. Versions are exact: what a test saw shall be what the next one sees. */
export interface ServerVersion {
  readonly product: 'elasticsearch' | 'opensearch';
  readonly version: string;
  /** Maven coordinates; with a fourth part, the type, when it is a plugin's archive. */
  readonly jars: readonly string[];
  readonly minJdk: number;
  readonly maxJdk?: number;
  readonly source: 'EsNode.java' | 'Es7Node.java' | 'OsNode.java';
  /** Class of the transport, where it is not a module. */
  readonly plugin?: string;
}

const elasticsearch = (version: string, netty = 'transport-netty4'): readonly string[] => [
  `org.elasticsearch:elasticsearch:${version}`,
  `org.elasticsearch.plugin:${netty}:${version}`,
];
const opensearch = (version: string, log4j: string): readonly string[] => [
  `org.opensearch:opensearch:${version}`,
  `org.opensearch.plugin:transport-netty4-client:${version}`,
  `org.apache.logging.log4j:log4j-core:${log4j}`,
];

export const SERVERS = {
  'elasticsearch-8': {
    product: 'elasticsearch',
    version: '8.19.21',
    jars: elasticsearch('8.19.21'),
    minJdk: 17,
    source: 'EsNode.java',
  },
  'elasticsearch-9': {
    product: 'elasticsearch',
    version: '9.2.2',
    jars: elasticsearch('9.2.2'),
    minJdk: 21,
    source: 'EsNode.java',
  },
  'elasticsearch-7': {
    product: 'elasticsearch',
    version: '7.17.29',
    jars: elasticsearch('7.17.29', 'transport-netty4-client'),
    minJdk: 17,
    maxJdk: 17,
    source: 'Es7Node.java',
    plugin: 'org.elasticsearch.transport.Netty4Plugin',
  },
  'opensearch-2': {
    product: 'opensearch',
    version: '2.19.6',
    jars: opensearch('2.19.6', '2.25.4'),
    minJdk: 17,
    source: 'OsNode.java',
    plugin: 'org.opensearch.transport.Netty4Plugin',
  },
  'opensearch-3': {
    product: 'opensearch',
    version: '3.9.0',
    jars: opensearch('3.9.0', '2.25.5'),
    minJdk: 21,
    source: 'OsNode.java',
    plugin: 'org.opensearch.transport.Netty4ModulePlugin',
  },
  'opensearch-2-secure': {
    product: 'opensearch',
    version: '2.19.1',
    jars: [...opensearch('2.19.1', '2.21.0'), 'org.opensearch.plugin:opensearch-security:2.19.1.0:zip'],
    minJdk: 17,
    source: 'OsNode.java',
    plugin: 'org.opensearch.security.OpenSearchSecurityPlugin',
  },
} as const satisfies Record<string, ServerVersion>;
export type ServerName = keyof typeof SERVERS;

/** Servers that take every request, whoever it is from. */
export const OPEN_SERVERS = (Object.keys(SERVERS) as ServerName[]).filter(
  (name) => name !== 'opensearch-2-secure',
);
