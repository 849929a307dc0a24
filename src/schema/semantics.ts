/**
 * What a type of `bpf/include/huatuo.h` means. This is the one location where typedef, document format, TypeScript type,
 * Elasticsearch type and unit meet.
 *
 * A number without a unit is refused. The unit stands in the typedef and, for whoever reads the JSON without the C, in
 * the field's name: durations end in `_ns`, sizes in `_bytes`, counts in the noun they count (`COUNTED`). The reverse
 * holds too: a name that ends in `_ns` or `_bytes` has that type. Identifiers (`pid`, `cpu`), addresses and flags
 * (`kaddr`, `hex64`), `cgroup_id` and signed numbers (error codes, score adjustments) carry no unit.
 */
import type { FieldFormat, FieldLayout } from './manifest.ts';

interface Semantic {
  readonly format: FieldFormat;
  /** What sizeof must give; absent when the length is free (stacks). */
  readonly bytes?: number;
  /** cgroup_id only: whose hierarchy the id is from; absent for the unified one. */
  readonly controller?: string;
  /** id only: a disk's, which as a label is its number. */
  readonly numbered?: true;
}

const TYPEDEFS: Readonly<Record<string, Semantic>> = {
  ktime_ns: { format: 'ktime_ns', bytes: 8 },
  dur_ns: { format: 'dur_ns', bytes: 8 },
  bytes64: { format: 'bytes', bytes: 8 },
  count64: { format: 'count', bytes: 8 },
  count32: { format: 'count', bytes: 4 },
  count16: { format: 'count', bytes: 2 },
  port_nr: { format: 'id', bytes: 2 },
  pid_nr: { format: 'id', bytes: 4 },
  cpu_nr: { format: 'id', bytes: 4 },
  index32: { format: 'id', bytes: 4 },
  dev_nr: { format: 'id', bytes: 4, numbered: true },
  signed32: { format: 'signed', bytes: 4 },
  hex64: { format: 'hex', bytes: 8 },
  kaddr: { format: 'hex', bytes: 8 },
  cgroup_id: { format: 'cgroup_id', bytes: 8 },
  cpu_cgroup_id: { format: 'cgroup_id', bytes: 8, controller: 'cpu' },
  memory_cgroup_id: { format: 'cgroup_id', bytes: 8, controller: 'memory' },
  io_cgroup_id: { format: 'cgroup_id', bytes: 8, controller: 'blkio' },
  bool8: { format: 'bool', bytes: 1 },
  comm_t: { format: 'comm', bytes: 16 },
  ip_addr: { format: 'ip_addr', bytes: 16 },
  kstack_t: { format: 'kstack' },
  kframe_t: { format: 'kframe', bytes: 8 },
  packet_head_t: { format: 'packet', bytes: 160 },
  ustack_t: { format: 'ustack' },
  event_tag: { format: 'tag', bytes: 4 },
  tail_length: { format: 'tail_length', bytes: 4 },
  text_tail: { format: 'text_tail', bytes: 0 },
  bytes_tail: { format: 'bytes_tail', bytes: 0 },
  block_dev: { format: 'block_dev', bytes: 4 },
  netdev_nr: { format: 'netdev', bytes: 4 },
  netns_id: { format: 'netns', bytes: 4 },
};

/** `text32_t`, `text64_t`, …: NUL-terminated text in that many bytes. */
const TEXT_TYPEDEF = /^text([1-9]\d*)_t$/;

/** The meaning of a typedef, or undefined when the name says nothing (`u64`). */
export function semanticOf(typedef: string): Semantic | undefined {
  const text = TEXT_TYPEDEF.exec(typedef);
  if (text) return { format: 'text', bytes: Number(text[1]) };
  return Object.hasOwn(TYPEDEFS, typedef) ? TYPEDEFS[typedef] : undefined;
}

/** What counts count. A new noun is added here, once. */
const COUNTED: readonly string[] = ['_count', '_total', '_pages', '_packets', '_events', '_tasks'];

/**
 * Why a name does not go with its format, or undefined.
 * @returns a clause for an error's remedy: `end its name in _ns`
 */
export function unitProblem(name: string, format: FieldFormat): string | undefined {
  const timed = format === 'dur_ns' || format === 'ktime_ns';
  if (format === 'dur_ns' && !name.endsWith('_ns')) return 'end its name in _ns';
  if (format === 'bytes' && !name.endsWith('_bytes')) return 'end its name in _bytes';
  if (format === 'count' && !COUNTED.some((noun) => `_${name}`.endsWith(noun))) {
    return `end its name in what it counts (${COUNTED.join(', ')})`;
  }
  if (name.endsWith('_ns') && !timed) return 'give it the type dur_ns, or a name that does not end in _ns';
  if (name.endsWith('_bytes') && format !== 'bytes') return 'give it the type bytes64, or another name';
  return undefined;
}

/** Format of a plain integer in a map, whose names need no unit but are believed when they have one. */
export function formatOfPlainInteger(name: string, signed: boolean): FieldFormat {
  if (signed) return 'signed';
  if (name.endsWith('_ns')) return 'dur_ns';
  return name.endsWith('_bytes') ? 'bytes' : 'count';
}

/** How a format looks from outside. */
interface Appearance {
  /** TypeScript type; `enum` and `struct` are written out by their users. */
  readonly type: string;
  /** Elasticsearch field mapping. */
  readonly mapping: Readonly<Record<string, string | boolean>>;
  /** For the reference: unit or kind of value. */
  readonly unit: string;
}

const LONG = { type: 'long' } as const;
const KEYWORD = { type: 'keyword' } as const;
/** Read with its document, never searched: an index of symbols, offsets and bytes would outweigh the documents. */
const UNSEARCHED = { type: 'keyword', index: false, doc_values: false } as const;

/** Whether a value is an object, whose members are `fields`. */
export function isObjectFormat(format: FieldFormat): format is 'struct' | 'packet' {
  return format === 'struct' || format === 'packet';
}

/** What is not a value of the document. */
export function isShown(field: { readonly format: FieldFormat }): boolean {
  return field.format !== 'pad' && field.format !== 'tail_length';
}

export const APPEARANCE: Readonly<Record<Exclude<FieldFormat, 'pad' | 'struct' | 'packet'>, Appearance>> = {
  ktime_ns: { type: 'string', mapping: { type: 'date_nanos' }, unit: 'time, RFC 3339' },
  dur_ns: { type: 'number', mapping: LONG, unit: 'nanoseconds' },
  bytes: { type: 'number', mapping: LONG, unit: 'bytes' },
  count: { type: 'number', mapping: LONG, unit: 'count' },
  signed: { type: 'number', mapping: LONG, unit: 'signed number' },
  id: { type: 'number', mapping: LONG, unit: 'identifier' },
  hex: { type: 'string', mapping: KEYWORD, unit: 'hexadecimal, 0x…' },
  cgroup_id: { type: 'number', mapping: LONG, unit: 'inode of a cgroup directory' },
  comm: { type: 'string', mapping: KEYWORD, unit: 'text' },
  text: { type: 'string', mapping: KEYWORD, unit: 'text' },
  ip_addr: { type: 'string', mapping: { type: 'ip' }, unit: 'IP address' },
  bool: { type: 'boolean', mapping: { type: 'boolean' }, unit: 'true or false' },
  enum: { type: 'string | number', mapping: KEYWORD, unit: 'name; the number when it has none' },
  kframe: { type: 'string', mapping: KEYWORD, unit: 'symbol+offset' },
  kstack: {
    type: 'string[]',
    mapping: UNSEARCHED,
    unit: 'symbol+offset, innermost first',
  },
  ustack: {
    type: 'string[]',
    mapping: UNSEARCHED,
    unit: 'symbol+offset, or file[build id]+offset with the file as long as some process runs it, innermost first',
  },
  tag: { type: 'string', mapping: KEYWORD, unit: 'which kind of event' },
  tail_length: { type: 'number', mapping: LONG, unit: 'bytes' },
  text_tail: { type: 'string', mapping: KEYWORD, unit: 'text' },
  bytes_tail: {
    type: 'string',
    mapping: UNSEARCHED,
    unit: 'hexadecimal digits',
  },
  kernel_enum: {
    type: 'string | number',
    mapping: KEYWORD,
    unit: "the kernel's name; the number when it has none",
  },
  block_dev: { type: 'string', mapping: KEYWORD, unit: 'block device' },
  netdev: { type: 'string', mapping: KEYWORD, unit: 'network interface' },
  netns: { type: 'string', mapping: KEYWORD, unit: 'network namespace' },
};

/** What is printed behind a cgroup id that says OWNER, where its container is known. */
export const OWNER_MEMBERS: Readonly<Record<string, Appearance & { readonly doc: string }>> = {
  container_id: { type: 'string', mapping: KEYWORD, unit: 'text', doc: 'Container of that cgroup' },
  container_hostname: { type: 'string', mapping: KEYWORD, unit: 'text', doc: 'Its host name' },
  systemd_unit: { type: 'string', mapping: KEYWORD, unit: 'text', doc: 'Unit of that cgroup' },
  systemd_user_unit: {
    type: 'string',
    mapping: KEYWORD,
    unit: 'text',
    doc: "Unit of the user's own systemd, in user@<uid>.service",
  },
  cgroup_path: { type: 'string', mapping: KEYWORD, unit: 'text', doc: 'Its path, where it is no container' },
};

/** Which half of a map's entry a field is in. */
export type MapSide = 'key' | 'value';

const QUANTITIES: ReadonlySet<FieldFormat> = new Set(['dur_ns', 'bytes', 'count', 'signed']);

/** Whether two of these add to a third: what is no quantity names something. */
export function isQuantity({ format }: FieldLayout): boolean {
  return QUANTITIES.has(format);
}

const NAMES: ReadonlySet<FieldFormat> = new Set(['cgroup_id', 'ktime_ns', 'enum', 'kernel_enum']);

/** Whether a number of a map's entry is a BigInt: it names something, and needs more than a double's 53 bits to do so. */
export function isExact({ format }: FieldLayout, bytes: number, side: MapSide): boolean {
  if (bytes !== 8) return false;
  return NAMES.has(format) || (side === 'key' && (QUANTITIES.has(format) || format === 'id'));
}

/** What a decoder prints by name is its number in a map: whoever shows it looks the name up. */
const LOOKED_UP: ReadonlySet<FieldFormat> = new Set(['enum', 'kernel_enum', 'block_dev', 'netdev', 'netns']);

/** TypeScript type of one field of a map's entry; `enum` without its names, `struct` is written out by its users. */
export function mapFieldType(field: FieldLayout, side: MapSide): string {
  const { format, length } = field;
  if (format === 'pad' || isObjectFormat(format)) return 'never';
  if (format === 'kstack' || format === 'ustack') return 'string[]';
  const exact = isExact(field, field.bytes / (length ?? 1), side);
  const type = exact ? 'bigint' : LOOKED_UP.has(format) ? 'number' : APPEARANCE[format].type;
  return length === undefined ? type : `${type}[]`;
}
