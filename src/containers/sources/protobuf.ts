/**
 * Decodes protobuf messages into plain objects, by shapes that are written down as data. Fields that a shape does not name,
 * or that come with another wire type, are skipped; of a field that comes twice the last one counts. A field that is not
 * on the wire is not in the object.
 */
import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';

/** How the values of a field are read. */
interface Kind {
  readonly wire: WireType;
  /** @param former what the same message has in this field so far */
  readonly read: (reader: BinaryReader, former: unknown) => unknown;
}

/** The fields of a message by name, with their numbers. */
export type Shape = Readonly<Record<string, readonly [number: number, kind: Kind]>>;

/** A string; bytes that are not UTF-8 become U+FFFD. */
export const TEXT: Kind = { wire: WireType.LengthDelimited, read: (reader) => reader.string() };

/** A 64-bit integer, as decimal text. */
export const INT64: Kind = { wire: WireType.Varint, read: (reader) => String(reader.int64()) };

const ENTRY: Shape = { key: [1, TEXT], value: [2, TEXT] };

/** `map<string, string>`, as an object without a prototype. */
export const TEXT_MAP: Kind = {
  wire: WireType.LengthDelimited,
  read: (reader, former = Object.create(null)) => {
    const { key = '', value = '' } = decode(reader.bytes(), ENTRY) as { key?: string; value?: string };
    (former as Record<string, string>)[key] = value;
    return former;
  },
};

/** A message in a message. */
export function message(shape: Shape): Kind {
  return { wire: WireType.LengthDelimited, read: (reader) => decode(reader.bytes(), shape) };
}

/** `repeated` messages, as an array. Those after the first `limit` are undefined: two bytes each would become an object. */
export function list(shape: Shape, limit: number): Kind {
  return {
    wire: WireType.LengthDelimited,
    read: (reader, former = []) => {
      const entries = former as unknown[];
      const bytes = reader.bytes();
      entries.push(entries.length < limit ? decode(bytes, shape) : undefined);
      return entries;
    },
  };
}

/**
 * @returns the fields of the shape that are there
 * @throws Error when the bytes are not a whole protobuf message
 */
export function decode(bytes: Uint8Array, shape: Shape): object {
  const reader = new BinaryReader(bytes);
  const fields = byNumber(shape);
  const decoded: Record<string, unknown> = {};
  while (reader.pos < reader.len) {
    const [number, wire] = reader.tag();
    const field = fields.get(number);
    if (field?.kind.wire !== wire) reader.skip(wire, number);
    else decoded[field.name] = field.kind.read(reader, decoded[field.name]);
  }
  return decoded;
}

interface Field {
  readonly name: string;
  readonly kind: Kind;
}

const indexes = new WeakMap<Shape, ReadonlyMap<number, Field>>();

function byNumber(shape: Shape): ReadonlyMap<number, Field> {
  const known = indexes.get(shape);
  if (known) return known;
  const index = new Map(Object.entries(shape).map(([name, [number, kind]]) => [number, { name, kind }]));
  indexes.set(shape, index);
  return index;
}
