/** What a collector's documents are called. */
import type { CollectorWorkerData } from '../actor/collector-protocol.ts';
import type { DocumentKind } from './envelope.ts';

/** From the event struct's tags; for a collector without one, its own name. */
export function documentKind(data: CollectorWorkerData): DocumentKind {
  const event = data.bpf?.manifest.event;
  return {
    collector: data.name,
    tracer: event?.tracer ?? data.name,
    kind: data.kind,
    severity: event?.severity ?? 'info',
    schemaVersion: event?.schemaVersion ?? 1,
  };
}
