/** Enums of the running kernel, from its own BTF: their numbers differ from one kernel to the next. */
import koffi from 'koffi';
import { libbpf, loadVmlinuxBtf, type Pointer } from './libbpf.ts';

const KIND_ENUM = 6;
const KIND_ENUM64 = 19;
const TYPE_BYTES = 12;
const MAX_ENUMERATORS = 65_535;

/**
 * @returns value (as the bits read as unsigned) → name; empty for an enum the kernel does not have, or a kernel without BTF
 */
export async function readKernelEnum(name: string): Promise<Readonly<Record<string, string>>> {
  const api = libbpf();
  const btf = await loadVmlinuxBtf();
  if (!btf) return {};
  try {
    for (const [kind, entryBytes] of [
      [KIND_ENUM, 8],
      [KIND_ENUM64, 12],
    ] as const) {
      const id = api.btf__find_by_name_kind(btf, name, kind);
      if (id > 0) return readEnumerators(btf, id, entryBytes);
    }
    return {};
  } finally {
    api.btf__free(btf);
  }
}

/** `struct btf_type` {u32 name, u32 info, u32 bytes}, then {u32 name, u32 value} or {u32 name, u32 low, u32 high}. */
function readEnumerators(btf: Pointer, id: number, entryBytes: number): Record<string, string> {
  const api = libbpf();
  const type = api.btf__type_by_id(btf, id);
  if (!type) return {};
  const count = Math.min(copyOf(type, TYPE_BYTES).getUint32(4, true) & 0xffff, MAX_ENUMERATORS);
  const view = copyOf(type, TYPE_BYTES + count * entryBytes);
  const bytes = view.getUint32(8, true);
  const names: Record<string, string> = {};
  for (let index = 0; index < count; index++) {
    const at = TYPE_BYTES + index * entryBytes;
    const high = entryBytes === 12 ? view.getUint32(at + 8, true) : 0;
    const value = (BigInt(high) << 32n) | BigInt(view.getUint32(at + 4, true));
    names[String(BigInt.asUintN(bytes * 8, value))] ??= api.btf__name_by_offset(
      btf,
      view.getUint32(at, true),
    );
  }
  return names;
}

/** A copy: the memory is libbpf's, and freed. */
function copyOf(pointer: Pointer, bytes: number): DataView {
  return new DataView(Uint8Array.from(new Uint8Array(koffi.view(pointer, bytes))).buffer);
}
