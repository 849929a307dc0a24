/** Load-time options: `const volatile` variables, written into `.rodata` between open and load. */
import koffi from 'koffi';
import { readElf } from '../schema/elf.ts';
import type { Libbpf, Pointer } from './libbpf.ts';
import { MAP_SHARED, mmap, munmap, PAGE_BYTES, PROT_READ, PROT_WRITE } from './libc.ts';

/**
 * Writes `values` (C name -> value) into the object's `.rodata`. Names the object does not have are skipped: a value may be
 * meant for every collector (`page_bytes`) or for the module beside the object. Values wrap to the variable's width;
 * the config schema has checked them before.
 * @param bytes the object file, for its symbol table
 */
export function writeOptions(
  api: Libbpf,
  object: Pointer,
  bytes: Uint8Array,
  values: Readonly<Record<string, bigint>>,
): void {
  const map = findRodata(api, object);
  const size: [bigint | number] = [0];
  const memory = map && api.bpf_map__initial_value(map, size);
  if (!memory) return;
  const rodata = new Uint8Array(koffi.view(memory, Number(size[0])));
  const elf = readElf(bytes);
  const section = elf.sections.find(({ name }) => name === '.rodata');
  for (const symbol of elf.symbols) {
    const value = values[symbol.name];
    if (value === undefined || symbol.section !== section?.index) continue;
    const little = new Uint8Array(BigUint64Array.of(BigInt.asUintN(64, value)).buffer);
    rodata.set(little.subarray(0, symbol.bytes), symbol.value);
  }
}

/** libbpf names the map after the object (`oom.rodata`), cut to 15 characters. */
function findRodata(api: Libbpf, object: Pointer): Pointer | null {
  let map = api.bpf_object__next_map(object, null);
  while (map && !api.bpf_map__name(map).endsWith('.rodata')) map = api.bpf_object__next_map(object, map);
  return map;
}

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
