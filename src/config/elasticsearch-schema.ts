/** The section `elasticsearch` of the config file. */
import * as z from 'zod';
import type { ElasticsearchConfig } from '../storage/elasticsearch/config.ts';
import { absolutePathOrNone, choice, count, durationMs, flag, section, size } from './fields.ts';

export function elasticsearch(): z.ZodType<ElasticsearchConfig> {
  return section('Documents to Elasticsearch or OpenSearch; off without hosts', {
    hosts: z
      .array(
        z.string().max(2048).refine(isHost).meta({ allowed: 'an http or https URL without credentials' }),
      )
      .max(64)
      .prefault([])
      .meta({
        description: 'Nodes of one cluster: https://es-1:9200; when one does not answer, the next is asked',
        allowed: 'a list of http or https URLs without credentials',
      }),
    namespace: text({
      default: 'default',
      doc: 'Last part of the names: logs-huatuo.TRACER-NAMESPACE',
      allowed: 'a name of dots and a-z, 0-9, _',
      pattern: /^[a-z0-9][a-z0-9_.]{0,99}$/,
    }),
    layout: choice({
      of: ['data_stream', 'index'],
      default: 'data_stream',
      doc: 'data_stream writes to logs-huatuo.TRACER-NAMESPACE, index to the plain index huatuo-TRACER-NAMESPACE',
    }),
    setup: flag({
      default: true,
      doc: 'Templates are put in place and upgraded by the agent; huatuo check --elasticsearch shows which',
    }),
    alias: text({
      default: 'huatuo_bamai',
      doc: 'Alias over all of them, for dashboards',
      allowed: 'a name of a-z, 0-9, _, . and -, or empty',
      pattern: /^$|^[a-z0-9][a-z0-9_.-]{0,99}$/,
    }),
    retention_days: count({
      default: 0,
      max: 3650,
      doc: 'Days after which the server may delete documents, where it has lifecycles, ILM or ISM; 0 keeps them',
    }),
    username: text({
      default: '',
      doc: 'User for basic authentication',
      allowed: 'a name, or empty',
      pattern: /^[^:\r\n]{0,256}$/,
    }),
    password_file: absolutePathOrNone('File with the password of username'),
    api_key_file: absolutePathOrNone(
      'File with an API key as the server encodes it (base64 of id:key), instead of username',
    ),
    ca: absolutePathOrNone("PEM file to verify the server with; the system's roots without it"),
    client_certificate: absolutePathOrNone('PEM file to show to the server; its key may be in it'),
    client_key: absolutePathOrNone('PEM file with the key, when it is a file of its own'),
    verify: flag({ default: true, doc: 'Certificate and name of the server are checked' }),
    compress: flag({ default: true, doc: 'Requests are compressed (gzip)' }),
    bulk_size: size({
      default: '4MiB',
      min: '64KiB',
      max: '64MiB',
      doc: 'A request is sent when it is this long',
    }),
    bulk_documents: count({ default: 5000, min: 1, max: 10_000, doc: 'Most documents in one request' }),
    flush_interval: durationMs({
      default: '1s',
      min: '10ms',
      max: '10m',
      doc: 'How long new documents gather before they are sent',
    }),
    concurrency: count({
      default: 4,
      min: 1,
      max: 16,
      doc: 'Most requests at a time; the agent uses fewer when the server is slow or refuses',
    }),
    timeout: durationMs({ default: '60s', min: '100ms', max: '10m', doc: 'How long a request may take' }),
    dead_letter_size: size({
      default: '64MiB',
      min: '1MiB',
      max: '16GiB',
      doc: 'Space for documents that the server rejects, with the reason; huatuo resend sends them again',
    }),
  })
    .refine(({ username, password_file }) => (username === '') === (password_file === ''), {
      path: ['password_file'],
      params: { allowed: 'set together with username' },
    })
    .refine(({ username, api_key_file }) => username === '' || api_key_file === '', {
      path: ['api_key_file'],
      params: { allowed: 'empty when username is set' },
    })
    .transform((section) => ({
      hosts: section.hosts.map((host) => host.replace(/\/+$/, '')),
      namespace: section.namespace,
      layout: section.layout,
      setup: section.setup,
      alias: section.alias,
      retention_days: section.retention_days,
      credentials: {
        username: section.username,
        passwordFile: section.password_file,
        apiKeyFile: section.api_key_file,
        ca: section.ca,
        clientCertificate: section.client_certificate,
        clientKey: section.client_key,
        verify: section.verify,
      },
      compress: section.compress,
      bulk_bytes: section.bulk_size,
      bulk_documents: section.bulk_documents,
      flush_ms: section.flush_interval,
      concurrency: section.concurrency,
      timeout_ms: section.timeout,
      dead_letter_bytes: section.dead_letter_size,
    }));
}

interface TextField {
  readonly default: string;
  readonly doc: string;
  readonly allowed: string;
  readonly pattern: RegExp;
}

function text({ default: preset, doc, allowed, pattern }: TextField): z.ZodType<string> {
  return z.string().regex(pattern).default(preset).meta({ description: doc, allowed });
}

function isHost(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, username, password, search, hash } = new URL(text);
  return /^https?:$/.test(protocol) && `${username}${password}${search}${hash}` === '';
}
