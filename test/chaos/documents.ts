/** The journal of a run, by ring. */
import { linesOf } from '../support/journal-reader.ts';
import { RingDocuments } from './account.ts';

/** Boot, ring, position: see `ringId` in src/collector/ring-reader.ts. */
const EVENT_ID = /-flood-(\d+)-([0-9a-f]{16})$/;

interface Document {
  readonly event_id: string;
  readonly tracer_data: { readonly sequence_count: number };
}

/** @throws SyntaxError when a line is not whole, Error when an id names no ring */
export function documentsByRing(journal: string): ReadonlyMap<number, RingDocuments> {
  const rings = new Map<number, RingDocuments>();
  for (const line of linesOf(journal, 'flood')) {
    const { event_id, tracer_data } = JSON.parse(line) as Document;
    const [, ring, position] = EVENT_ID.exec(event_id) ?? [];
    if (ring === undefined) throw new Error(`an event without ring: ${line}`);
    const documents = rings.get(Number(ring)) ?? new RingDocuments();
    rings.set(Number(ring), documents);
    documents.add(Number(`0x${position}`), tracer_data.sequence_count);
  }
  return rings;
}
