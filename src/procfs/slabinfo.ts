/** Caches of the kernel's objects: /proc/slabinfo, version 2.1, mm/slab_common.c; slabinfo(5). */
import { decimal } from './source.ts';

export interface SlabCache {
  readonly name: string;
  readonly active_objects: number;
  readonly objects: number;
  readonly pages: number;
}

/** `name active objects size per_slab pages_per_slab : tunables a b c : slabdata active slabs shared`; other lines are skipped. */
export function parseSlabinfo(text: string): SlabCache[] {
  return text.split('\n').flatMap((line) => {
    const words = line.split(/ +/);
    const [name] = words;
    const slabdata = words.indexOf('slabdata');
    const [active_objects, objects, pagesPerSlab] = [1, 2, 5].map((index) => decimal(words[index]));
    const slabs = decimal(words[slabdata + 2]);
    if (!name || slabdata < 0 || active_objects === undefined || objects === undefined) return [];
    if (pagesPerSlab === undefined || slabs === undefined) return [];
    return [{ name, active_objects, objects, pages: slabs * pagesPerSlab }];
  });
}
