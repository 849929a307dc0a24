/**
 * Layouts of BTF-defined maps. libbpf's convention: a variable of `.maps` is a struct whose members are pointers; a
 * number N is spelled `int (*name)[N]`, a type T `T *name`.
 */
import type { Btf, BtfStruct } from './btf.ts';
import type { Elf } from './elf.ts';
import { buildFailed, type SourceLocation } from './failure.ts';
import { enumeratorsOf, structFields, valueShape } from './fields.ts';
import type { FieldLayout, MapLayout, MetricLayout } from './manifest.ts';
import { checkKey, taggedMetric } from './metrics.ts';

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
    const layout: MapLayout = {
      name,
      type: MAP_TYPES[number] ?? `type_${number}`,
      keyBytes: key.bytes,
      valueBytes: value.bytes,
      maxEntries: numberOf(btf, definition, 'max_entries') ?? 0,
      key: indexNames(btf, id, key.fields, location),
      value: value.fields,
      ...(btf.tag('without:', id) === 'task_storage' && { without: 'task_storage' }),
      ...(btf.tags(id).includes('stack_counts') && { stacks: true }),
    };
    const metrics = metricsOf(btf, id, definition, layout, location);
    if (metrics.length === 0) return layout;
    checkKey(layout, location);
    return { ...layout, metrics };
  });
}

/** A map's own metric, or those of the members of its value. */
function metricsOf(
  btf: Btf,
  id: number,
  definition: BtfStruct,
  layout: MapLayout,
  location: SourceLocation,
): readonly MetricLayout[] {
  const type = pointedBy(btf, definition, 'value');
  if (type === undefined) return [];
  const struct = btf.resolve(type);
  const [only] = layout.value;
  const scalar = only?.name === '';
  const whole: FieldLayout = scalar
    ? only
    : {
        name: '',
        json: '',
        format: 'struct',
        offset: 0,
        bytes: layout.valueBytes,
        doc: '',
        fields: layout.value,
      };
  const own = taggedMetric({ btf, id }, whole, type, location);
  if (own) return [own];
  if (scalar) return [];
  const { members } = btf.type(struct) as BtfStruct;
  return members.flatMap((member, index) => {
    const field = layout.value.find(({ name }) => name === member.name);
    const here = { ...location, field: member.name };
    return (field && taggedMetric({ btf, id: struct, member: index }, field, member.type, here)) ?? [];
  });
}

/** `METRIC_ARRAY()` says which enum the index of an array is, and what it is called. */
function indexNames(
  btf: Btf,
  id: number,
  key: readonly FieldLayout[],
  location: SourceLocation,
): readonly FieldLayout[] {
  const [label, name] = btf.tag('index:', id)?.split('=') ?? [];
  const [only] = key;
  if (label === undefined || !only) return key;
  const type = btf.types.find((candidate) => candidate.kind === 'enum' && candidate.name === name);
  if (type?.kind !== 'enum')
    throw buildFailed(location, `no enum ${name}`, 'define it, and use it in the object');
  return [{ ...only, json: label, format: 'enum', enumerators: enumeratorsOf(type) }];
}

/** Name of the map that libbpf makes of an object's global variables. */
const GLOBALS = '.bss';

/**
 * Global variables that are metrics, as a map of one entry. The others are not in it.
 * @throws HuatuoError BUILD_FAILED
 */
export function globalsLayout(btf: Btf, elf: Elf, file: string): readonly MapLayout[] {
  const section = elf.sections.find(({ name }) => name === GLOBALS);
  const fields: FieldLayout[] = [];
  const metrics: MetricLayout[] = [];
  for (const id of btf.variablesOf(GLOBALS)) {
    const variable = btf.type(id);
    if (variable.kind !== 'var' || btf.tag('metric:', id) === undefined) continue;
    const location = { file, subject: `variable ${variable.name}` };
    const symbol = elf.symbols.find((one) => one.name === variable.name && one.section === section?.index);
    if (!symbol) throw buildFailed(location, `no symbol in ${GLOBALS}`, 'leave it without an initial value');
    const shape = valueShape({ btf, location, strictness: 'map' }, variable.type, variable.name);
    const field = { name: variable.name, json: variable.name, offset: symbol.value, doc: '', ...shape };
    const metric = taggedMetric({ btf, id }, field, variable.type, location);
    fields.push(field);
    if (metric) metrics.push(metric);
  }
  if (!section || metrics.length === 0) return [];
  return [
    {
      name: GLOBALS,
      type: 'array',
      keyBytes: 4,
      valueBytes: section.bytes,
      maxEntries: 1,
      key: [{ name: '', json: '', format: 'id', offset: 0, bytes: 4, doc: '' }],
      value: fields,
      metrics,
    },
  ];
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
