/** Thinning out events in the kernel, for a collector that is over its CPU budget. */
import koffi from 'koffi';
import type { Libbpf, Pointer } from './libbpf.ts';
import { MAP_SHARED, mmap, munmap, PAGE_BYTES, PROT_READ, PROT_WRITE } from './libc.ts';

/** Section of `sample_every` in bpf/include/event.h, which is alone in it. */
const SECTION = '.data.sampling';

/**
 * Lets one of `every` events of a loaded object through from now on; the others are counted as rate limited.
 *
 * The map is mapped anew, because libbpf's own mapping of a data section is only live in objects it has loaded itself, not
 * in adopted ones.
 * @param every 1 lets all through, at most 2^32 - 1
 * @returns false when the object makes no events
 * @throws MAP_FAILED
 */
export function setSampling(api: Libbpf, object: Pointer, every: number): boolean {
  const map = api.bpf_object__find_map_by_name(object, SECTION);
  if (!map) return false;
  const page = mmap(0n, PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, api.bpf_map__fd(map), 0);
  new Uint32Array(koffi.view(page, Uint32Array.BYTES_PER_ELEMENT))[0] = every;
  munmap(page, PAGE_BYTES);
  return true;
}
