/** The envelope that all documents of a batch share, with holes for what differs; `wasm/envelope.ts` fills them. */

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
