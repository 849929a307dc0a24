/**
 * What every document says beside its payload. The WASM decoder prints the envelope of ring events from these
 * fragments; `savedDocument` prints the same envelope for documents a collector made itself.
 */

import type { CollectorKind } from '../sdk/collector.ts';
import type { Container } from '../sdk/container.ts';
import { containerFragment } from './owner-fragment.ts';

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

export interface EnvelopeFields {
  /** Start of `event_id`, plain ASCII; the ring position follows: `<boot id>-<collector>-<map id>-`. */
  readonly idPrefix: string;
  readonly schemaVersion: number;
  readonly severity: string;
  readonly hostname: string;
  readonly region: string;
  readonly uploadedTime: string;
  readonly tracerName: string;
}

/** The template and the byte offsets of its holes. */
export interface EnvelopeTemplate {
  readonly text: Uint8Array;
  /** `YYYY-MM-DDThh:mm:ss.nnnnnnnnnZ` */
  readonly timestamp: number;
  /** 16 hexadecimal digits each. */
  readonly eventId: number;
  readonly tracerId: number;
  /** `YYYY-MM-DD hh:mm:ss.mmm` each. */
  readonly time: number;
  readonly tracerTime: number;
}

const TIMESTAMP = '0000-00-00T00:00:00.000000000Z';
const TIME = '0000-00-00 00:00:00.000 +0000';
const POSITION = '0000000000000000';

/** Composes the envelope from `{"@timestamp"` to `"tracer_id":"…"`; the object stays open. */
export function envelopeTemplate(fields: EnvelopeFields): EnvelopeTemplate {
  const head = '{"@timestamp":"';
  const beforeEventId = `${head}${TIMESTAMP}","event_id":"${fields.idPrefix}`;
  const shared =
    `,"schema_version":${fields.schemaVersion},"severity":${JSON.stringify(fields.severity)}` +
    `,"hostname":${JSON.stringify(fields.hostname)},"region":${JSON.stringify(fields.region)}` +
    `,"uploaded_time":${JSON.stringify(fields.uploadedTime)},"tracer_name":${JSON.stringify(fields.tracerName)}` +
    ',"tracer_type":"event"';
  const beforeTime = `${beforeEventId}${POSITION}"${shared},"time":"`;
  const beforeTracerTime = `${beforeTime}${TIME}","tracer_time":"`;
  const beforeTracerId = `${beforeTracerTime}${TIME}","tracer_id":"${fields.idPrefix}`;
  return {
    text: Buffer.from(`${beforeTracerId}${POSITION}"`),
    timestamp: Buffer.byteLength(head),
    eventId: Buffer.byteLength(beforeEventId),
    tracerId: Buffer.byteLength(beforeTracerId),
    time: Buffer.byteLength(beforeTime),
    tracerTime: Buffer.byteLength(beforeTracerTime),
  };
}
