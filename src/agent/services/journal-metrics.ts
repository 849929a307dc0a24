/** What the journal tells of itself, as metrics. */
import type { MetricType } from '../../sdk/metrics.ts';
import type { JournalStatus } from '../../storage/journal/actor.ts';
import type { JournalTracerStatus } from '../../storage/journal/stream-status.ts';
import { type OwnFamily, type Sample, scalar } from '../../storage/prometheus/own-family.ts';

type Field = readonly [keyof JournalTracerStatus, MetricType, string, string];

/** `numbered = stored + expired + lost` for each tracer, over restarts. */
const FAMILIES: readonly Field[] = [
  [
    'sequence',
    'counter',
    'numbered_documents_total',
    'Documents that were ever written, over all runs of the agent.',
  ],
  ['stored_documents', 'gauge', 'stored_documents', 'Documents that are on disk now.'],
  [
    'expired_documents',
    'counter',
    'expired_documents_total',
    'Documents that a bound of the journal deleted.',
  ],
  [
    'lost_documents',
    'counter',
    'lost_documents_total',
    'Documents in files that others deleted, renamed or cut, or that are damaged.',
  ],
  [
    'doubtful_documents',
    'counter',
    'doubtful_documents_total',
    'Documents that were written and may not be on the disk, because their fsync failed.',
  ],
  [
    'torn_documents',
    'counter',
    'torn_documents_total',
    'Lines that a crash left unfinished, and that were cut off.',
  ],
  ['segment_bytes', 'gauge', 'segment_bytes', 'Bytes of its files.'],
];

/** What is only on the page of the agent. */
const DETAILS: readonly Field[] = [
  ['batches', 'counter', 'written_batches_total', 'Batches that were written.'],
  [
    'bytes',
    'counter',
    'document_bytes_total',
    'Bytes of the documents that were written, as they were made.',
  ],
  [
    'disk_bytes',
    'counter',
    'disk_bytes_total',
    'Bytes written to files for them: fewer where the file in use is compressed, too.',
  ],
  [
    'refused_batches',
    'counter',
    'refused_batches_total',
    'Batches that could not be written; they come again.',
  ],
  [
    'repeated_batches',
    'counter',
    'repeated_batches_total',
    'Batches that came again and were written already.',
  ],
  ['segments', 'gauge', 'segments', 'Files of the tracer.'],
  ['fsync_errors', 'counter', 'fsync_errors_total', 'Times that fsync failed.'],
];

export function journalFamilies(status: JournalStatus | undefined): OwnFamily[] {
  if (!status) return [];
  return [
    ...FAMILIES.map((field) => ofTracers(status, field)),
    family(
      'gauge',
      'failing',
      'Whether documents are refused or do not reach the disk at this moment, or were lost in the last five minutes.',
      [{ labels: {}, value: Number(status.error !== undefined) }],
    ),
    family('counter', 'rejected_messages_total', 'Messages of collectors that break the protocol.', [
      { labels: {}, value: status.rejected_messages },
    ]),
  ];
}

export function journalDetails(status: JournalStatus | undefined): OwnFamily[] {
  if (!status) return [];
  return [
    ...DETAILS.map((field) => ofTracers(status, field)),
    family(
      'gauge',
      'fsync_age_seconds',
      'Time since written documents last reached the disk.',
      samples(status, ({ fsync_age_ms }) => fsync_age_ms && fsync_age_ms / 1000),
    ),
    family(
      'gauge',
      'fsync_duration_seconds',
      'How long the newest fsync took.',
      samples(status, ({ fsync_duration_ms }) => fsync_duration_ms / 1000),
    ),
  ];
}

function ofTracers(status: JournalStatus, [field, type, name, help]: Field): OwnFamily {
  return family(
    type,
    name,
    help,
    samples(status, (tracer) => Number(tracer[field])),
  );
}

function samples(status: JournalStatus, value: (tracer: JournalTracerStatus) => number | null): Sample[] {
  return Object.entries(status.tracers).flatMap(([tracer, each]) => {
    const number = value(each);
    return number === null ? [] : [{ labels: { tracer }, value: number }];
  });
}

function family(type: MetricType, name: string, help: string, samples: readonly Sample[]): OwnFamily {
  return scalar(type, `huatuo_journal_${name}`, help, samples);
}
