/** `object.events` of the SDK: the ring as batches, or straight to the journal. */
import type { Batch, EventRing } from '../sdk/context.ts';
import type { BpfSurroundings } from './bpf.ts';
import { enrichLines } from './enrich.ts';
import { documentKind } from './identity.ts';
import { Pump } from './pump.ts';
import type { RingReader } from './ring-reader.ts';

export function ringEvents(reader: RingReader, around: BpfSurroundings): EventRing {
  const { data, journal, vitals, log, signal, enrich } = around;
  return {
    batches: () => batches(reader, signal),
    async toJournal() {
      const pump = new Pump(reader, journal, vitals, log, {
        tracer: documentKind(data).tracer,
        buffers: data.ring.batches_in_flight,
        bufferBytes: data.ring.batch_bytes,
        ...(enrich ? { enrich: (lines: Uint8Array) => enrichLines(lines, enrich, log) } : {}),
      });
      await pump.run(signal);
    },
  };
}

/** The consumer takes the journal's place: a batch is committed when the next one is asked for. */
async function* batches(reader: RingReader, signal: AbortSignal): AsyncGenerator<Batch> {
  reader.rewind([]);
  const wake = (): void => reader.wake();
  signal.addEventListener('abort', wake);
  try {
    for (;;) {
      const slice = await reader.read();
      if (slice.documents > 0) yield slice;
      if (slice.end > slice.start) reader.commit(slice);
      else if (signal.aborted) return;
      else await reader.wait();
    }
  } finally {
    signal.removeEventListener('abort', wake);
  }
}
