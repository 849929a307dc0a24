/** Memory for a decoder without a ring of the kernel: the test writes the ring itself (decoder-ring.ts). */
import type { EventLayout } from '../../src/build/manifest.ts';
import { decoderNeeds } from '../../src/kernel/decoder.ts';
import { allocateDecoderMemory, type DecoderMemory } from '../../src/kernel/decoder-memory.ts';
import type { SymbolTable } from '../../src/kernel/kallsyms.ts';

export function placeFor(
  layout: EventLayout,
  ringBytes: number,
  outputBytes: number,
  symbols?: SymbolTable,
): DecoderMemory {
  return allocateDecoderMemory({
    ...decoderNeeds(layout, outputBytes, symbols),
    ringBytes,
    pageBytes: 4096,
  });
}
