/** Enums of the running kernel, from its own BTF: their numbers differ from one kernel to the next. */
import koffi from 'koffi';
import { libbpf, loadVmlinuxBtf, type Pointer } from './libbpf.ts';

const KIND_ENUM = 6;
const KIND_ENUM64 = 19;
const TYPE_BYTES = 12;
const MAX_ENUMERATORS = 65_535;

/**
 * @param names of enums as KERNEL_ENUM() has them, `skb_drop_reason openvswitch:ovs_drop_reason`: of two that name a value, the
 * first stands
 * @returns value (as the bits read as unsigned) → name, without the name of its enum in front; empty when the kernel has none of
 * them, its modules are not loaded, or it has no BTF
 */
export async function readKernelEnum(names: string): Promise<Readonly<Record<string, string>>> {
  const api = libbpf();
  const vmlinux = await loadVmlinuxBtf();
  if (!vmlinux) return {};
  try {
    const all = names.split(' ').map((name) => readOne(vmlinux, name));
    return Object.assign({}, ...all.toReversed());
  } finally {
    api.btf__free(vmlinux);
  }
}

/** @param place `enum` or `module:enum`; a module that is built in has its enums in the kernel's own BTF */
function readOne(vmlinux: Pointer, place: string): Record<string, string> {
  const [name = '', module] = place.split(':').toReversed();
  const own = find(vmlinux, name);
  if (own || module === undefined) return own ?? {};
  const api = libbpf();
  const btf = api.btf__load_module_btf(module, vmlinux);
  if (!btf) return {};
  try {
    return find(btf, name) ?? {};
  } finally {
    api.btf__free(btf);
  }
}

function find(btf: Pointer, name: string): Record<string, string> | undefined {
  for (const [kind, entryBytes] of [
    [KIND_ENUM, 8],
    [KIND_ENUM64, 12],
  ] as const) {
    const id = libbpf().btf__find_by_name_kind(btf, name, kind);
    if (id > 0) return withoutPrefix(readEnumerators(btf, id, entryBytes), `${name.toUpperCase()}_`);
  }
  return undefined;
}

/** `SKB_DROP_REASON_NO_SOCKET` of `skb_drop_reason` is `NO_SOCKET`, as tracefs prints it. */
function withoutPrefix(names: Record<string, string>, prefix: string): Record<string, string> {
  return Object.fromEntries(
    Object.entries(names).map(([value, name]) => [
      value,
      name.startsWith(prefix) ? name.slice(prefix.length) : name,
    ]),
  );
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
