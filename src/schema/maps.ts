/**
 * Layouts of BTF-defined maps. libbpf's convention: a variable of `.maps` is a struct whose members are pointers; a
 * number N is spelled `int (*name)[N]`, a type T `T *name`.
 */
import type { Btf, BtfStruct } from './btf.ts';
import { buildFailed, type SourceLocation } from './failure.ts';
import { structFields, valueShape } from './fields.ts';
import type { FieldLayout, MapLayout } from './manifest.ts';

/** enum bpf_map_type of linux/bpf.h, lower case as bpftool prints it. */
const MAP_TYPES: readonly string[] = [
  'unspec',
  'hash',
  'array',
  'prog_array',
  'perf_event_array',
  'percpu_hash',
  'percpu_array',
  'stack_trace',
  'cgroup_array',
  'lru_hash',
  'lru_percpu_hash',
  'lpm_trie',
  'array_of_maps',
  'hash_of_maps',
  'devmap',
  'sockmap',
  'cpumap',
  'xskmap',
  'sockhash',
  'cgroup_storage',
  'reuseport_sockarray',
  'percpu_cgroup_storage',
  'queue',
  'stack',
  'sk_storage',
  'devmap_hash',
  'struct_ops',
  'ringbuf',
  'inode_storage',
  'task_storage',
  'bloom_filter',
  'user_ringbuf',
  'cgrp_storage',
  'arena',
];

/**
 * Maps in the order of the object. A struct key or value gives its fields; a scalar gives one field with an empty
 * name; one declared by size alone gives none.
 * @throws HuatuoError BUILD_FAILED for keys or values that user space could not read (unions, bit-fields, holes); a map
 * that only the program uses is declared by size: `__uint(value_size, sizeof(struct x))`
 */
export function mapLayouts(btf: Btf, file: string): readonly MapLayout[] {
  return btf.variablesOf('.maps').map((id) => {
    const variable = btf.type(id);
    const definition = variable.kind === 'var' ? btf.type(btf.resolve(variable.type)) : variable;
    const name = variable.kind === 'var' ? variable.name : '';
    const location = { file, subject: `map ${name}` };
    if (definition.kind !== 'struct') {
      throw buildFailed(
        location,
        'a definition that is not a struct',
        'declare it with __uint() and __type()',
      );
    }
    const number = numberOf(btf, definition, 'type') ?? 0;
    const key = side(btf, definition, 'key', '', location);
    const value = side(btf, definition, 'value', name, location);
    return {
      name,
      type: MAP_TYPES[number] ?? `type_${number}`,
      keyBytes: key.bytes,
      valueBytes: value.bytes,
      maxEntries: numberOf(btf, definition, 'max_entries') ?? 0,
      key: key.fields,
      value: value.fields,
    };
  });
}

/** `scalar`: the name that tells the unit when the whole key or value is one number. */
function side(
  btf: Btf,
  map: BtfStruct,
  name: 'key' | 'value',
  scalar: string,
  location: SourceLocation,
): { bytes: number; fields: readonly FieldLayout[] } {
  const pointed = pointedBy(btf, map, name);
  if (pointed === undefined) return { bytes: numberOf(btf, map, `${name}_size`) ?? 0, fields: [] };
  const walk = {
    btf,
    location: { ...location, subject: `${location.subject}, ${name}` },
    strictness: 'map',
  } as const;
  const resolved = btf.resolve(pointed);
  const type = btf.type(resolved);
  const bytes = btf.bytes(pointed);
  if (type.kind === 'struct') return { bytes, fields: structFields(walk, resolved) };
  return {
    bytes,
    fields: [{ name: '', json: '', offset: 0, doc: '', ...valueShape(walk, pointed, scalar) }],
  };
}

function pointedBy(btf: Btf, map: BtfStruct, member: string): number | undefined {
  const id = map.members.find((candidate) => candidate.name === member)?.type;
  const type = id === undefined ? undefined : btf.type(btf.resolve(id));
  return type?.kind === 'ptr' ? type.type : undefined;
}

function numberOf(btf: Btf, map: BtfStruct, member: string): number | undefined {
  const id = pointedBy(btf, map, member);
  const type = id === undefined ? undefined : btf.type(btf.resolve(id));
  return type?.kind === 'array' ? type.length : undefined;
}
