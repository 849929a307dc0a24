/** What the Elasticsearch actor tells of itself, as metrics. */
import type { MetricType } from '../../sdk/metrics.ts';
import { LATENCY_BUCKETS } from '../../storage/elasticsearch/counts.ts';
import type { ElasticsearchStatus, StreamStatus } from '../../storage/elasticsearch/status.ts';
import { histogram, type OwnFamily, type Sample, scalar } from '../../storage/prometheus/own-family.ts';

export function elasticsearchFamilies(status: ElasticsearchStatus | undefined): OwnFamily[] {
  if (!status) return [];
  const of = (field: keyof StreamStatus): Sample[] =>
    status.streams.flatMap((stream) => {
      const value = stream[field];
      return typeof value === 'number' ? [{ labels: { tracer: stream.tracer }, value }] : [];
    });
  const family = (type: MetricType, name: string, help: string, samples: readonly Sample[]): OwnFamily =>
    scalar(type, `huatuo_elasticsearch_${name}`, help, samples);
  return [
    family(
      'gauge',
      'state',
      'What the newest request to Elasticsearch met: 1 for the state it is in; there is no other.',
      [{ labels: { state: status.state }, value: 1 }],
    ),
    family('gauge', 'requests_allowed', 'Bulk requests that may run at a time, as the server lets them.', [
      { labels: {}, value: status.requests_allowed },
    ]),
    family('counter', 'shipped_documents_total', 'Documents that the server has stored.', of('shipped')),
    family('counter', 'shipped_bytes_total', 'Bytes of bulk requests, before compression.', of('bytes')),
    family(
      'counter',
      'deduplicated_documents_total',
      'Documents that were not stored again, because the server had them.',
      of('deduplicated'),
    ),
    family(
      'counter',
      'retried_documents_total',
      'Documents that were sent once more, because the server could not take them.',
      of('retried'),
    ),
    family(
      'counter',
      'dead_lettered_documents_total',
      'Documents that the server rejected for good; huatuo resend sends them again.',
      of('dead_lettered'),
    ),
    family(
      'counter',
      'lost_documents_total',
      "Documents that were deleted by the journal's bound, or damaged on disk, before they were shipped.",
      of('lost'),
    ),
    family('gauge', 'lag_documents', 'Documents in the journal that are not shipped.', of('lag_documents')),
    family('gauge', 'lag_bytes', 'Bytes on disk that are not shipped.', of('lag_bytes')),
    family('gauge', 'lag_seconds', 'Age of the oldest document that is not shipped.', of('lag_seconds')),
    latencyFamily(status),
  ];
}

function latencyFamily({ latency }: ElasticsearchStatus): OwnFamily {
  return histogram(
    'huatuo_elasticsearch_bulk_seconds',
    'How long bulk requests took that were answered.',
    LATENCY_BUCKETS,
    [{ labels: {}, counts: latency.counts, sum: latency.sum_seconds }],
  );
}
