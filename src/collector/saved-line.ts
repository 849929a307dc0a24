/** The line of a document that a collector saves. */
import { boottime_ns, wallOffset_ns } from '../actor/clock.ts';
import type { ContainersClient } from '../containers/client.ts';
import { type AgentIdentity, type DocumentKind, savedDocument } from '../decoder/envelope.ts';
import { jsonText } from '../decoder/json-text.ts';
import { containerFragment, idFragment, unitFragment } from '../decoder/owner-fragment.ts';
import { isContainer } from '../sdk/container.ts';
import type { SavedDocument } from '../sdk/context.ts';

/** Dates of later years have more digits than readers of RFC 3339 expect. */
const YEAR_10000_NS = 253_402_300_800_000_000_000n;

/** What is the same for all documents of a collector. */
export interface SavedBy {
  readonly agent: AgentIdentity;
  readonly document: DocumentKind;
  readonly containers: Pick<ContainersClient, 'find'>;
  /** Unique for one boot, and the same for all workers of a collector. */
  readonly origin: string;
}

/**
 * NDJSON, newline included.
 * @param sequence rises by one for each document of this origin
 * @throws TypeError when the data is no JSON object, RangeError when `time_ns` is before 1970 or after 9999
 */
export function savedLine(
  { subject, time_ns, severity, data }: SavedDocument,
  sequence: bigint,
  { agent, document, containers, origin }: SavedBy,
): Buffer {
  const realtime_ns = (time_ns ?? boottime_ns()) + wallOffset_ns();
  if (realtime_ns < 0n || realtime_ns >= YEAR_10000_NS) throw new RangeError(`time_ns ${time_ns} is no date`);
  const line = savedDocument({
    envelope: {
      idPrefix: `${agent.bootId}-${document.collector}-${origin}-`,
      schemaVersion: document.schemaVersion,
      severity: severity ?? document.severity,
      hostname: agent.hostname,
      region: agent.region,
      uploadedTime: new Date().toISOString(),
      tracerName: document.tracer,
      tracerType: document.kind,
    },
    sequence: Number(sequence),
    realtime_ns,
    owner: ownerOf(subject, containers),
    payload: payloadText(data),
  });
  return Buffer.from(line);
}

/** A unit; or the newest that is known of the container, else what the collector had, else its id. */
function ownerOf(subject: SavedDocument['subject'], containers: SavedBy['containers']): string {
  if (subject === undefined) return '';
  const given = typeof subject === 'string' ? undefined : subject;
  if (given && !isContainer(given)) return unitFragment(given.id);
  const id = given?.id ?? String(subject);
  const container = containers.find(id) ?? given;
  return container ? containerFragment(container) : idFragment(id);
}

function payloadText(data: object): string {
  if (typeof data !== 'object' || data === null || Array.isArray(data))
    throw new TypeError('data is no object');
  const text = jsonText(data);
  if (text?.startsWith('{')) return text;
  throw new TypeError('data is no object once it is JSON');
}
