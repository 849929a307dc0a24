/** What a decoder makes of all that its ring holds. */
import type { Decoder } from '../../src/decoder/decoder.ts';
import type { LookupKind } from '../../src/decoder/lookup-kinds.ts';

/** The text of a look-up; a user frame has no number, but its bytes. */
export type Answer = (kind: LookupKind, key: bigint, frame?: Uint8Array) => string;

/** Everything the ring holds as text; answers what the decoder asks for on the way. */
export function documentsOf(
  decoder: Decoder,
  batch: { readonly uploadedTime: string; readonly wallOffset_ns: bigint },
  answer: Answer,
): string {
  let lines = '';
  for (;;) {
    decoder.beginBatch(batch.uploadedTime, batch.wallOffset_ns);
    let result = decoder.decode();
    while (result.status === 'lookup_miss') {
      for (const lookup of result.lookups) {
        const kind = decoder.lookupKinds[lookup.kind - 1];
        if (kind) decoder.addLookup(lookup, answer(kind, lookup.frame ? 0n : lookup.key, lookup.frame));
      }
      result = decoder.decode();
    }
    lines += Buffer.from(decoder.output()).toString();
    if (result.status !== 'output_full') return lines;
  }
}
