/** Memory for a decoder without a ring of the kernel: the test writes the ring itself (decoder-ring.ts). */

import { decoderNeeds } from '../../src/decoder/decoder.ts';
import { allocateDecoderMemory, type DecoderMemory } from '../../src/decoder/memory.ts';
import type { EventLayout } from '../../src/schema/manifest.ts';

export function sharedMemoryFor(layout: EventLayout, ringBytes: number, outputBytes: number): DecoderMemory {
  return allocateDecoderMemory({ ...decoderNeeds(layout, outputBytes), ringBytes, pageBytes: 4096 });
}
