/**
 * Reader of BTF (Documentation/bpf/btf.rst of the kernel).
 *
 *   header │ types: 12 bytes each + what the kind adds, numbered from 1 │ strings, NUL-terminated
 *
 * Pure: the agent reads the objects it loads with it, the build the objects it has made.
 */
import { Btf, type BtfMember, type BtfType, unreadableBtf } from './btf.ts';
import { textAt } from './elf.ts';

const MAGIC = 0xeb9f;

/**
 * @param section contents of an object's `.BTF` section
 * @throws HuatuoError OBJECT_UNREADABLE for anything but version 1 and the kinds up to ENUM64 (Linux 6.0)
 */
export function readBtf(section: Uint8Array): Btf {
  const view = new DataView(section.buffer, section.byteOffset, section.byteLength);
  if (section.length < 24 || view.getUint16(0, true) !== MAGIC || view.getUint8(2) !== 1) {
    throw unreadableBtf(`a .BTF section of ${section.length} bytes without a header of version 1`);
  }
  const headerBytes = view.getUint32(4, true);
  const typesStart = headerBytes + view.getUint32(8, true);
  const typesEnd = typesStart + view.getUint32(12, true);
  const textStart = headerBytes + view.getUint32(16, true);
  const textEnd = textStart + view.getUint32(20, true);
  if (typesEnd > section.length || textEnd > section.length) {
    throw unreadableBtf(`types to ${typesEnd} and strings to ${textEnd} in ${section.length} bytes`);
  }
  const cursor = new Cursor(view, typesStart, typesEnd, section.subarray(textStart, textEnd));
  const types: BtfType[] = [{ kind: 'void' }];
  while (cursor.offset < typesEnd) types.push(readType(cursor));
  return new Btf(types);
}

/** Walks 32-bit words; running past the types is an error of the object, not of the reader. */
class Cursor {
  offset: number;
  readonly #view: DataView;
  readonly #end: number;
  readonly #texts: Uint8Array;

  constructor(view: DataView, offset: number, end: number, texts: Uint8Array) {
    this.#view = view;
    this.offset = offset;
    this.#end = end;
    this.#texts = texts;
  }

  word(): number {
    if (this.offset + 4 > this.#end) throw unreadableBtf(`a type that is cut short at byte ${this.offset}`);
    this.offset += 4;
    return this.#view.getUint32(this.offset - 4, true);
  }

  text(): string {
    return textAt(this.#texts, this.word());
  }

  times<T>(count: number, read: () => T): T[] {
    return Array.from({ length: count }, read);
  }
}

function readType(at: Cursor): BtfType {
  const name = at.text();
  const info = at.word();
  const count = info & 0xffff;
  const flag = info >>> 31 === 1;
  /* Bytes for the kinds that have a size, a type number for the others. */
  const word = at.word();
  const kind = (info >>> 24) & 0x1f;
  switch (kind) {
    case 1: {
      const encoding = at.word() >>> 24;
      return { kind: 'int', name, bytes: word, signed: (encoding & 1) !== 0, bool: (encoding & 4) !== 0 };
    }
    case 2:
      return { kind: 'ptr', type: word };
    case 3: {
      const [element = 0, , length = 0] = [at.word(), at.word(), at.word()];
      return { kind: 'array', element, length };
    }
    case 4:
    case 5: {
      const members = at.times(count, () => readMember(at, flag));
      return kind === 4
        ? { kind: 'struct', name, bytes: word, members }
        : { kind: 'union', name, bytes: word, members };
    }
    case 6: {
      const enumerators = at.times(count, () => ({
        name: at.text(),
        value: extend(BigInt(at.word()), 32, flag),
      }));
      return { kind: 'enum', name, bytes: word, enumerators };
    }
    case 7:
      return { kind: 'fwd', name };
    case 8:
      return { kind: 'typedef', name, type: word };
    case 9:
      return { kind: 'volatile', type: word };
    case 10:
      return { kind: 'const', type: word };
    case 11:
      return { kind: 'restrict', type: word };
    case 12:
      return { kind: 'func', name, type: word };
    case 13:
      at.times(count * 2, () => at.word());
      return { kind: 'func_proto' };
    case 14:
      at.word();
      return { kind: 'var', name, type: word };
    case 15: {
      /* Offset and size are only filled in by a linker: the symbol table has the places. */
      const variables = at.times(count, () => [at.word(), at.word(), at.word()][0] ?? 0);
      return { kind: 'datasec', name, variables };
    }
    case 16:
      return { kind: 'float', name, bytes: word };
    case 17:
      return { kind: 'decl_tag', name, type: word, component: at.word() | 0 };
    case 18:
      return { kind: 'type_tag', type: word };
    case 19: {
      const enumerators = at.times(count, () => {
        const text = at.text();
        const low = BigInt(at.word());
        return { name: text, value: extend((BigInt(at.word()) << 32n) | low, 64, flag) };
      });
      return { kind: 'enum', name, bytes: word, enumerators };
    }
    default:
      throw unreadableBtf(`kind ${kind} (type '${name}')`);
  }
}

/** With the kind flag the offset's high byte is the width of a bit-field. */
function readMember(at: Cursor, flag: boolean): BtfMember {
  const name = at.text();
  const type = at.word();
  const location = at.word();
  return { name, type, bitOffset: flag ? location & 0xffffff : location, bits: flag ? location >>> 24 : 0 };
}

function extend(value: bigint, bits: number, signed: boolean): bigint {
  return signed ? BigInt.asIntN(bits, value) : value;
}
