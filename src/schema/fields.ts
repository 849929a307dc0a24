/**
 * From a C struct to field layouts: what each byte of a record is.
 *
 *   struct oom_event { ktime_ns time DOC("…"); struct oom_victim victim DOC("…"); u32 _pad; … }
 *                        │ typedef → format     │ nested → fields                   │ said, so not implicit
 *
 * A ring record is copied to user space as it is, so every byte must have an owner: a hole would show old kernel
 * memory, a pointer means nothing there, and a bit-field has no address.
 */
import type { Btf, BtfArray, BtfEnum, BtfMember, BtfStruct } from './btf.ts';
import { buildFailed, type SourceLocation } from './failure.ts';
import type { FieldFormat, FieldLayout } from './manifest.ts';
import { PACKET_LAYERS } from './packet.ts';
import { formatOfPlainInteger, isShown, OWNER_MEMBERS, semanticOf, unitProblem } from './semantics.ts';

/**
 * Events are documents and held to every rule when they are built. Map keys and values, and events of an object that is
 * already built (`built`), only need known places.
 */
export type Strictness = 'event' | 'map' | 'built';

export interface Walk {
  readonly btf: Btf;
  readonly location: SourceLocation;
  readonly strictness: Strictness;
}

/** A field without what its member says: name, location and tags. */
type Shape = Pick<FieldLayout, 'format' | 'bytes'> &
  Partial<
    Pick<
      FieldLayout,
      'length' | 'enumerators' | 'fields' | 'controller' | 'owner' | 'kernelEnum' | 'numbered'
    >
  >;

/** Elasticsearch takes 20 levels; a damaged object may hold a struct that holds itself. */
const MAX_DEPTH = 8;
const PADDING = /^_?pad\d*$/;
const JSON_KEY = /^[A-Za-z][A-Za-z0-9_]*$/;
const SEMANTIC_TYPES = 'a semantic type of bpf/include/huatuo.h (dur_ns, bytes64, count64, pid_nr, hex64, …)';

/**
 * @param id a struct of `walk.btf`
 * @returns its members in order, `offset` from the start of this struct
 * @throws HuatuoError BUILD_FAILED
 */
export function structFields(walk: Walk, id: number): readonly FieldLayout[] {
  const struct = walk.btf.type(id) as BtfStruct;
  const fields: FieldLayout[] = [];
  const keys = new Map<string, string>();
  let end = 0;
  for (const [index, member] of struct.members.entries()) {
    const here = within(walk, member.name === '' ? `number ${index + 1}` : member.name);
    const field = memberField(here, id, member, index);
    if (field.offset !== end) throw implicitPadding(here, field.offset - end, 'before it');
    end = field.offset + field.bytes;
    fields.push(field);
    if (!isShown(field)) continue;
    for (const key of [field.json, ...(field.owner ? Object.keys(OWNER_MEMBERS) : [])]) {
      const twin = keys.get(key);
      if (twin !== undefined) {
        throw buildFailed(
          here.location,
          `JSON key '${key}' is taken by ${twin}`,
          'give one of them another key with JSON("name")',
        );
      }
      keys.set(key, member.name);
    }
  }
  if (end !== struct.bytes) throw implicitPadding(walk, struct.bytes - end, 'at the end');
  const first = fields.find(({ format }) => format !== 'pad' && format !== 'ktime_ns');
  if (first?.optional)
    throw buildFailed(
      within(walk, first.name).location,
      'OPTIONAL on the first field',
      'put one in front of it that is always there',
    );
  return fields;
}

function memberField(walk: Walk, struct: number, member: BtfMember, index: number): FieldLayout {
  const { btf, location } = walk;
  if (member.name === '') {
    throw buildFailed(
      location,
      'a member without a name',
      'name the nested struct: its name is the JSON key',
    );
  }
  if (member.bits > 0 || member.bitOffset % 8 !== 0) {
    throw buildFailed(location, `a bit-field of ${member.bits} bits`, 'use a whole bool8, count32 or hex64');
  }
  const json = btf.tag('json:', struct, index) ?? member.name;
  const doc = btf.tag('doc:', struct, index) ?? '';
  const shape = withTail(walk, lookedUp(walk, shapeOf(walk, member), struct, index), struct, index);
  const printed = walk.strictness === 'event' && isShown(shape);
  if (printed && !JSON_KEY.test(json)) {
    throw buildFailed(location, `JSON key '${json}'`, 'use letters, digits and _, starting with a letter');
  }
  if (printed && doc === '') {
    throw buildFailed(location, 'no documentation', 'add DOC("one sentence"): the reference is made from it');
  }
  return {
    name: member.name,
    json,
    offset: member.bitOffset / 8,
    doc,
    ...(isOptional(walk, shape, struct, index) && { optional: true }),
    ...shape,
  };
}

/** Whether OPTIONAL leaves it out of documents; in a map, every field is there. */
function isOptional(
  { btf, location, strictness }: Walk,
  shape: Shape,
  struct: number,
  index: number,
): boolean {
  if (strictness === 'map' || !btf.tags(struct, index).includes('optional')) return false;
  if (EVENT_ONLY.has(shape.format))
    throw buildFailed(location, `OPTIONAL on a ${shape.format}`, 'it is always there');
  return true;
}

/** Enums, with the module that has them in front where they are not the kernel's own. */
const ENUM_NAMES = /^(?:(?:\w{1,63}:)?[A-Za-z_]\w{0,127}(?: (?!$)|$)){1,8}$/;

/** The shape with what OWNER and KERNEL_ENUM() say of the member. */
function lookedUp({ btf, location }: Walk, shape: Shape, struct: number, index: number): Shape {
  const owner = btf.tags(struct, index).includes('owner');
  const kernelEnum = btf.tag('enum:', struct, index);
  if (owner && (shape.format !== 'cgroup_id' || shape.length !== undefined))
    throw buildFailed(location, `OWNER on a ${shape.format}`, 'only a single cgroup id has an owner');
  if (owner) return { ...shape, owner };
  if (kernelEnum === undefined) return shape;
  if (shape.format !== 'id' || shape.length !== undefined || !ENUM_NAMES.test(kernelEnum))
    throw buildFailed(
      location,
      `KERNEL_ENUM("${kernelEnum}") on a ${shape.format}`,
      'use it with index32 and a C name',
    );
  return { ...shape, format: 'kernel_enum', kernelEnum };
}

const MAX_TAIL_BYTES = 65_536;
const EVENT_ONLY: ReadonlySet<FieldFormat> = new Set(['tag', 'tail_length', 'text_tail', 'bytes_tail']);

/** A tail with the most it can be, which its TAIL() says. */
function withTail({ btf, location, strictness }: Walk, shape: Shape, struct: number, index: number): Shape {
  if (strictness === 'map' && (EVENT_ONLY.has(shape.format) || shape.format === 'packet'))
    throw buildFailed(location, `a ${shape.format}`, 'only a record of a ring has one');
  if (shape.format !== 'text_tail' && shape.format !== 'bytes_tail') return shape;
  const most = Number(btf.tag('tail:', struct, index));
  if (strictness !== 'map' && Number.isInteger(most) && most > 0 && most <= MAX_TAIL_BYTES)
    return { ...shape, length: most };
  throw buildFailed(
    location,
    `a tail of ${Number.isInteger(most) ? `up to ${most}` : 'any number of'} bytes`,
    `use it in an event, with TAIL() and a number up to ${MAX_TAIL_BYTES}`,
  );
}

function shapeOf(walk: Walk, member: BtfMember): Shape {
  const bytes = walk.btf.bytes(member.type);
  if (PADDING.test(member.name) && isPlain(walk.btf, member.type)) return { format: 'pad', bytes };
  const shape = valueShape(walk, member.type, member.name);
  const problem = walk.strictness === 'event' ? unitProblem(member.name, shape.format) : undefined;
  if (problem) throw buildFailed(walk.location, `a ${shape.format} value under this name`, problem);
  return shape;
}

/** Shape of a type wherever it stands: a member, an element, or a map's whole key or value. */
export function valueShape(walk: Walk, id: number, name: string): Shape {
  const { btf, location } = walk;
  const named = semanticShape(walk, id);
  if (named) return named;
  const resolved = btf.resolve(id);
  const type = btf.type(resolved);
  switch (type.kind) {
    case 'struct':
      if ((location.field ?? '').split('.').length > MAX_DEPTH) {
        throw buildFailed(location, `structs nested deeper than ${MAX_DEPTH}`, 'flatten them');
      }
      return { format: 'struct', bytes: type.bytes, fields: structFields(walk, resolved) };
    case 'enum':
      return { format: 'enum', bytes: type.bytes, enumerators: enumeratorsOf(type) };
    case 'array':
      return arrayShape(walk, type, name);
    case 'int':
      if (walk.strictness !== 'event')
        return { format: formatOfPlainInteger(name, type.signed), bytes: type.bytes };
      throw buildFailed(
        location,
        `a bare ${typeName(btf, id)}`,
        `say what the number means: use ${SEMANTIC_TYPES}`,
      );
    case 'ptr':
      if (walk.strictness !== 'event') return { format: 'hex', bytes: 8 };
      throw buildFailed(location, 'a pointer', 'copy what it points to, or use kaddr to print the address');
    case 'union':
      throw buildFailed(
        location,
        'a union',
        'use one field for each meaning, or a struct with an enum beside it',
      );
    default:
      throw buildFailed(location, `type ${typeName(btf, id)}`, `use ${SEMANTIC_TYPES}, an enum or a struct`);
  }
}

function arrayShape(walk: Walk, array: BtfArray, name: string): Shape {
  if (array.length === 0) {
    throw buildFailed(
      walk.location,
      'an array without a length',
      'a record has one size: give the array a length',
    );
  }
  const element = valueShape(walk, array.element, name);
  const number = NUMBERS.has(element.format) && element.length === undefined;
  if (!number) {
    throw buildFailed(
      walk.location,
      `an array of ${element.format}`,
      'only arrays of numbers are known: use a nested struct',
    );
  }
  return { ...element, bytes: element.bytes * array.length, length: array.length };
}

const NUMBERS: ReadonlySet<string> = new Set([
  'dur_ns',
  'bytes',
  'count',
  'signed',
  'id',
  'hex',
  'cgroup_id',
]);

/** An address; `struct bpf_stack_build_id`. */
const FRAME_BYTES: Partial<Record<FieldFormat, number>> = { kstack: 8, ustack: 32 };

/** The first typedef of the chain that means something decides. */
function semanticShape(walk: Walk, id: number): Shape | undefined {
  const { btf, location } = walk;
  for (let current = btf.unqualified(id), type = btf.type(current); type.kind === 'typedef'; ) {
    const semantic = semanticOf(type.name);
    if (semantic) {
      const bytes = btf.bytes(current);
      if (semantic.bytes !== undefined && semantic.bytes !== bytes) {
        throw buildFailed(
          location,
          `type ${type.name} of ${bytes} bytes`,
          `it has ${semantic.bytes}: use the one of bpf/include/huatuo.h`,
        );
      }
      const frame = FRAME_BYTES[semantic.format];
      if (frame) return { format: semantic.format, bytes, length: bytes / frame };
      if (semantic.format === 'packet') return { format: 'packet', bytes, fields: PACKET_LAYERS };
      const { controller, numbered } = semantic;
      return {
        format: semantic.format,
        bytes,
        ...(controller && { controller }),
        ...(numbered && { numbered }),
      };
    }
    current = btf.unqualified(type.type);
    type = btf.type(current);
  }
  return undefined;
}

/**
 * Value -> name. Values are the bits of the field read as unsigned, because clang before 15 does not say that an enum is
 * signed. Of two names for one value the first written wins.
 */
export function enumeratorsOf(type: BtfEnum): Record<string, string> {
  const names: Record<string, string> = {};
  for (const { name, value } of type.enumerators)
    names[String(BigInt.asUintN(type.bytes * 8, value))] ??= name;
  return names;
}

/** An integer or an array of integers: what padding may be made of. */
function isPlain(btf: Btf, id: number): boolean {
  const type = btf.type(btf.resolve(id));
  return type.kind === 'array' ? type.length > 0 && isPlain(btf, type.element) : type.kind === 'int';
}

function typeName(btf: Btf, id: number): string {
  const type = btf.type(btf.unqualified(id));
  return 'name' in type && type.name !== '' ? type.name : type.kind;
}

function within(walk: Walk, member: string): Walk {
  const field = walk.location.field ? `${walk.location.field}.${member}` : member;
  return { ...walk, location: { ...walk.location, field } };
}

function implicitPadding({ location }: Walk, gap: number, where: string): Error {
  return buildFailed(
    location,
    `${gap} bytes of implicit padding ${where}`,
    `reorder the fields, or write u8 _pad[${gap}]`,
  );
}
