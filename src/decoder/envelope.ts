/**
 * What every document says beside its payload, for all documents alike:
 *
 *   {"@timestamp":"▢","event_id":"<prefix>▢","schema_version":1, … ,"time":"▢","tracer_time":"▢","tracer_id":"<prefix>▢"
 *
 * Only the holes differ between documents of one collector. The decoder fills them in a template (wasm/envelope.ts), and
 * `savedDocument` fills them for documents that a collector made itself.
 */

import type { CollectorKind } from '../sdk/collector.ts';
import { jsonText } from './json-text.ts';

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

export interface EnvelopeFields {
  /** Start of `event_id`, plain ASCII; 16 hexadecimal digits follow: `<boot id>-<collector>-<map id>-`. */
  readonly idPrefix: string;
  readonly schemaVersion: number;
  readonly severity: string;
  readonly hostname: string;
  readonly region: string;
  /** RFC 3339. */
  readonly uploadedTime: string;
  readonly tracerName: string;
  readonly tracerType: CollectorKind;
}

/** The text around the holes: before @timestamp, event_id, time, tracer_time, tracer_id, and behind the last. */
function textAroundHoles(fields: EnvelopeFields): readonly [string, string, string, string, string, string] {
  const shared = jsonText({
    schema_version: fields.schemaVersion,
    severity: fields.severity,
    hostname: fields.hostname,
    region: fields.region,
    uploaded_time: fields.uploadedTime,
    tracer_name: fields.tracerName,
    tracer_type: fields.tracerType,
  });
  return [
    '{"@timestamp":"',
    `","event_id":"${fields.idPrefix}`,
    `",${shared?.slice(1, -1)},"time":"`,
    '","tracer_time":"',
    `","tracer_id":"${fields.idPrefix}`,
    '"',
  ];
}

/** The template and the byte offsets of its holes. */
interface EnvelopeTemplate {
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
  const fillers = [TIMESTAMP, POSITION, TIME, TIME, POSITION, ''];
  const holes: number[] = [];
  let text = '';
  for (const [index, part] of textAroundHoles(fields).entries()) {
    text += part;
    holes.push(Buffer.byteLength(text));
    text += fillers[index];
  }
  const [timestamp = 0, eventId = 0, time = 0, tracerTime = 0, tracerId = 0] = holes;
  return { text: Buffer.from(text), timestamp, eventId, time, tracerTime, tracerId };
}

/** RFC 3339 in UTC with nine digits, so that text order is time order. */
function rfc3339(realtime_ns: bigint): string {
  const seconds = new Date(Number(realtime_ns / 1_000_000n)).toISOString().slice(0, 19);
  return `${seconds}.${(realtime_ns % 1_000_000_000n).toString().padStart(9, '0')}Z`;
}

/** The upstream layout of `time` and `tracer_time`, always in UTC: `2026-11-22 15:03:14.123 +0000`. */
function upstreamTime(realtime_ns: bigint): string {
  return `${new Date(Number(realtime_ns / 1_000_000n)).toISOString().slice(0, 23).replace('T', ' ')} +0000`;
}

export interface SavedDocument {
  readonly envelope: EnvelopeFields;
  /** Counts the documents with this `idPrefix`. */
  readonly sequence: number;
  readonly realtime_ns: bigint;
  /** `,"container_id":"…"`, or empty for the host; see owner-fragment.ts. */
  readonly owner: string;
  /** JSON text of the payload. */
  readonly payload: string;
}

/** One NDJSON line, newline included. */
export function savedDocument({ envelope, sequence, realtime_ns, owner, payload }: SavedDocument): string {
  const time = upstreamTime(realtime_ns);
  const id = sequence.toString(16).padStart(POSITION.length, '0');
  const [head, beforeId, beforeTime, beforeTracerTime, beforeTracerId, end] = textAroundHoles(envelope);
  return (
    `${head}${rfc3339(realtime_ns)}${beforeId}${id}${beforeTime}${time}${beforeTracerTime}${time}` +
    `${beforeTracerId}${id}${end}${owner},"tracer_data":${payload}}\n`
  );
}
