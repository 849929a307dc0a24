/**
 * BTF, the type information clang leaves in a BPF object, as values. Types name each other by number, forwards and
 * backwards; number 0 is void. `btf-reader.ts` makes them from bytes.
 */
import { HuatuoError } from '../error.ts';

export interface BtfMember {
  readonly name: string;
  readonly type: number;
  readonly bitOffset: number;
  /** Width of a bit-field; 0 for an ordinary member. */
  readonly bits: number;
}

interface BtfEnumerator {
  readonly name: string;
  readonly value: bigint;
}

interface BtfRecord<Kind> {
  readonly kind: Kind;
  readonly name: string;
  readonly bytes: number;
  readonly members: readonly BtfMember[];
}

export type BtfStruct = BtfRecord<'struct'>;

export interface BtfArray {
  readonly kind: 'array';
  readonly element: number;
  readonly length: number;
}

/** ENUM and ENUM64 alike. */
export interface BtfEnum {
  readonly kind: 'enum';
  readonly name: string;
  readonly bytes: number;
  readonly enumerators: readonly BtfEnumerator[];
}

/** `type`, `element` and `variables` are numbers of other types. */
export type BtfType =
  | { readonly kind: 'void' | 'func_proto' }
  | {
      readonly kind: 'int';
      readonly name: string;
      readonly bytes: number;
      readonly signed: boolean;
      readonly bool: boolean;
    }
  | { readonly kind: 'float'; readonly name: string; readonly bytes: number }
  | { readonly kind: 'ptr' | 'const' | 'volatile' | 'restrict' | 'type_tag'; readonly type: number }
  | BtfArray
  | BtfStruct
  | BtfRecord<'union'>
  | BtfEnum
  | { readonly kind: 'fwd'; readonly name: string }
  | { readonly kind: 'typedef' | 'func' | 'var'; readonly name: string; readonly type: number }
  | { readonly kind: 'datasec'; readonly name: string; readonly variables: readonly number[] }
  | { readonly kind: 'decl_tag'; readonly name: string; readonly type: number; readonly component: number };

/** Longest chain of typedefs and qualifiers that is followed: a cycle in a damaged object must end. */
const MAX_DEPTH = 64;

/** The types of one object. */
export class Btf {
  readonly types: readonly BtfType[];
  readonly #tags = new Map<string, string[]>();

  constructor(types: readonly BtfType[]) {
    this.types = types;
    for (const type of types) {
      if (type.kind !== 'decl_tag') continue;
      const key = `${type.type}/${type.component}`;
      this.#tags.set(key, [...(this.#tags.get(key) ?? []), type.name]);
    }
  }

  type(id: number): BtfType {
    const type = this.types[id];
    if (!type) throw unreadableBtf(`type ${id} of ${this.types.length}`);
    return type;
  }

  /** Texts of btf_decl_tag on a type or variable, or on one of its members. */
  tags(id: number, member = -1): readonly string[] {
    return this.#tags.get(`${id}/${member}`) ?? [];
  }

  /** What a name such as `tag:` introduces among the tags of a type, variable or member. */
  tag(prefix: string, id: number, member = -1): string | undefined {
    return this.tags(id, member)
      .find((text) => text.startsWith(prefix))
      ?.slice(prefix.length);
  }

  /** The type behind qualifiers; typedefs stay. */
  unqualified(id: number): number {
    let current = id;
    for (let depth = 0; depth < MAX_DEPTH; depth++) {
      const type = this.type(current);
      if (
        type.kind !== 'const' &&
        type.kind !== 'volatile' &&
        type.kind !== 'restrict' &&
        type.kind !== 'type_tag'
      ) {
        return current;
      }
      current = type.type;
    }
    throw unreadableBtf(`type ${id} qualified more than ${MAX_DEPTH} times`);
  }

  /** The type behind qualifiers and typedefs. */
  resolve(id: number): number {
    let current = this.unqualified(id);
    for (let depth = 0; depth < MAX_DEPTH; depth++) {
      const type = this.type(current);
      if (type.kind !== 'typedef') return current;
      current = this.unqualified(type.type);
    }
    throw unreadableBtf(`type ${id} renamed more than ${MAX_DEPTH} times`);
  }

  /** sizeof; 0 for what has no size (functions, forward declarations). */
  bytes(id: number, depth = 0): number {
    const type = this.type(this.resolve(id));
    if (depth > MAX_DEPTH) throw unreadableBtf(`type ${id} nested deeper than ${MAX_DEPTH}`);
    if (type.kind === 'ptr') return 8;
    if (type.kind === 'array') return type.length * this.bytes(type.element, depth + 1);
    return 'bytes' in type ? type.bytes : 0;
  }

  /** Number of the first variable with this name. */
  variable(name: string): number | undefined {
    const id = this.types.findIndex((type) => type.kind === 'var' && type.name === name);
    return id < 0 ? undefined : id;
  }

  /** Numbers of the variables of a section (`.maps`, `.rodata`), in the order of the object. */
  variablesOf(section: string): readonly number[] {
    return this.types.flatMap((type) =>
      type.kind === 'datasec' && type.name === section ? type.variables : [],
    );
  }
}

/** @param found what the object has instead */
export function unreadableBtf(found: string): HuatuoError {
  return new HuatuoError('OBJECT_UNREADABLE', {
    expected: 'BTF of version 1 with kinds 1 to 19',
    found,
    remedy: 'build the object again with clang 14 to 22',
  });
}
