/**
 * What every document says beside its payload. The WASM decoder prints the envelope of ring events from these
 * fragments; `savedDocument` prints the same envelope for documents a collector made itself.
 */

import type { Container } from '../containers/container.ts';
import { containerFragment } from '../containers/describe.ts';
import type { CollectorKind } from '../sdk/collector.ts';

/** Who speaks: fixed for the life of an agent. */
export interface AgentIdentity {
  readonly hostname: string;
  readonly region: string;
  /** 32 hex characters: /proc/sys/kernel/random/boot_id without dashes. */
  readonly bootId: string;
}

/** What the document is about: fixed for a collector. */
export interface DocumentKind {
  readonly collector: string;
  /** `tracer_name`: the name upstream dashboards know. */
  readonly tracer: string;
  readonly kind: CollectorKind;
  readonly severity: string;
  readonly schemaVersion: number;
}

/** Everything from `schema_version` to `tracer_type`, starting with a comma; `uploadedAt` is RFC 3339. */
export function envelopeHead(agent: AgentIdentity, document: DocumentKind, uploadedAt: string): string {
  const fields = {
    schema_version: document.schemaVersion,
    severity: document.severity,
    hostname: agent.hostname,
    region: agent.region,
    uploaded_time: uploadedAt,
    tracer_name: document.tracer,
    tracer_type: document.kind,
  };
  return `,${JSON.stringify(fields).slice(1, -1)}`;
}

/** RFC 3339 in UTC with nine digits, so that text order is time order. */
export function rfc3339(realtime_ns: bigint): string {
  const seconds = new Date(Number(realtime_ns / 1_000_000n)).toISOString().slice(0, 19);
  return `${seconds}.${(realtime_ns % 1_000_000_000n).toString().padStart(9, '0')}Z`;
}

/** The upstream layout of `time` and `tracer_time`, always in UTC: `2026-11-22 15:03:14.123 +0000`. */
export function upstreamTime(realtime_ns: bigint): string {
  return `${new Date(Number(realtime_ns / 1_000_000n)).toISOString().slice(0, 23).replace('T', ' ')} +0000`;
}

export interface SavedDocument {
  readonly agent: AgentIdentity;
  readonly document: DocumentKind;
  readonly eventId: string;
  readonly realtime_ns: bigint;
  readonly uploadedAt: string;
  readonly container: Container | undefined;
  readonly data: object;
}

/** One NDJSON line, newline included. */
export function savedDocument(saved: SavedDocument): string {
  const head = envelopeHead(saved.agent, saved.document, saved.uploadedAt);
  const time = upstreamTime(saved.realtime_ns);
  const container = saved.container ? containerFragment(saved.container) : '';
  return (
    `{"@timestamp":"${rfc3339(saved.realtime_ns)}","event_id":"${saved.eventId}"${head}` +
    `,"time":"${time}","tracer_time":"${time}","tracer_id":"${saved.eventId}"${container}` +
    `,"tracer_data":${JSON.stringify(saved.data)}}\n`
  );
}
