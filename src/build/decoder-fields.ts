/** Fields of a struct → statements that write them as JSON, each with the load that fetches its value. */
import { lookupNumber } from '../decoder/lookup-kinds.ts';
import { namesOf } from '../schema/layout.ts';
import type { FieldFormat, FieldLayout } from '../schema/manifest.ts';
import { isShown } from '../schema/semantics.ts';
import { type DecoderWriter, loadOf, textCall } from './decoder-writer.ts';

/** A struct around the field that is being written: fields beside it can help to look it up. */
interface Scope {
  readonly fields: readonly FieldLayout[];
  /** Offset of the struct in the record. */
  readonly base: number;
}

/** Innermost first. */
type Scopes = readonly Scope[];

/** Writes an object of the fields that are shown. @param scopes the struct that is written comes first */
export function writeObject(writer: DecoderWriter, fields: readonly FieldLayout[], scopes: Scopes): void {
  let before = '{';
  for (const field of fields) {
    if (!isShown(field)) continue;
    const member = (): void => {
      writer.literal(`${before}${JSON.stringify(field.json)}:`);
      writeField(writer, field, scopes);
    };
    if (field.optional)
      writer.block(`if (${anyBit((scopes[0]?.base ?? 0) + field.offset, field.bytes)})`, member);
    else member();
    before = ',';
  }
  writer.literal(before === '{' ? '{}' : '}');
}

/** Whether a field has a byte that is not 0. The first field of a struct is always there, so a comma always fits. */
function anyBit(offset: number, bytes: number): string {
  const loads: string[] = [];
  for (let at = 0; at < bytes; ) {
    const width = [8, 4, 2, 1].find((candidate) => at + candidate <= bytes) ?? 1;
    loads.push(loadOf('id', width, 'r', offset + at));
    at += width;
  }
  return loads.map((load) => `${load} != 0`).join(' || ');
}

function writeField(writer: DecoderWriter, field: FieldLayout, scopes: Scopes): void {
  const offset = (scopes[0]?.base ?? 0) + field.offset;
  const kind = lookupNumber(writer.kinds, field);
  switch (field.format) {
    case 'pad':
    case 'tail_length':
      return;
    case 'tag':
      writer.literal(JSON.stringify(namesOf(field)[0] ?? ''));
      return;
    case 'text_tail':
      writeQuoted(writer, `o = chars(o, r + ${offset}, ${tailLength(scopes)});`);
      return;
    case 'bytes_tail':
      writeQuoted(writer, `o = bytes(o, r + ${offset}, ${tailLength(scopes)});`);
      return;
    case 'struct': {
      const fields = field.fields ?? [];
      writeObject(writer, fields, [{ fields, base: offset }, ...scopes]);
      return;
    }
    case 'kstack':
      writer.statement(`o = kernelStack(o, r + ${offset}, ${field.length ?? 0}, ${kind});`);
      return;
    case 'kframe':
      writer.statement(`o = known(o, ${kind}, ${loadOf('id', 8, 'r', offset)}, 0);`);
      return;
    case 'packet':
      writer.statement(`o = packet(o, r + ${offset});`);
      return;
    case 'ustack':
      writer.statement(
        `o = userStack(o, r + ${offset}, ${field.length ?? 0}, ${kind}, ${processOf(scopes)});`,
      );
      return;
    case 'kernel_enum':
    case 'block_dev':
    case 'netns':
      writer.statement(
        `o = known(o, ${kind}, ${loadOf(field.format, field.bytes, 'r', offset)}, ${processOf(scopes)});`,
      );
      return;
    case 'netdev':
      writer.statement(
        `o = known(o, ${kind}, ${netnsOf(scopes)}${loadOf('netdev', 4, 'r', offset)}, ${processOf(scopes)});`,
      );
      return;
    case 'comm':
    case 'text':
      writeQuoted(writer, `o = chars(o, r + ${offset}, ${field.bytes});`);
      return;
    case 'ip_addr':
      writeQuoted(writer, `o = ipAddress(o, r + ${offset});`);
      return;
    case 'enum':
      writeEnum(writer, field, offset);
      return;
    default:
      writeNumbers(writer, field, offset);
      if (kind > 0) writeOwner(writer, offset, kind);
      return;
  }
}

function tailLength(scopes: Scopes): string {
  const found = nearest(scopes, ({ format }) => format === 'tail_length') ?? 0;
  return loadOf('tail_length', 4, 'r', found);
}

/** Cgroup 0 is none. */
function writeOwner(writer: DecoderWriter, offset: number, kind: number): void {
  const id = loadOf('cgroup_id', 8, 'r', offset);
  writer.statement(`if (${id} != 0) o = known(o, ${kind}, ${id}, 0);`);
}

/** Load of the nearest process id: the files and namespaces of that process are where a name can be found. */
function processOf(scopes: Scopes): string {
  const found = nearest(
    scopes,
    ({ format, name, bytes }) => format === 'id' && name === 'pid' && bytes === 4,
  );
  return found === undefined ? '0' : loadOf('id', 4, 'r', found);
}

/** The nearest network namespace as the high half of a key, or nothing for the host's. */
function netnsOf(scopes: Scopes): string {
  const found = nearest(scopes, ({ format }) => format === 'netns');
  return found === undefined ? '' : `(<u64>${loadOf('netns', 4, 'r', found)} << 32) | `;
}

/** @returns offset in the record */
function nearest(scopes: Scopes, wanted: (field: FieldLayout) => boolean): number | undefined {
  for (const { fields, base } of scopes) {
    const field = fields.find((candidate) => candidate.length === undefined && wanted(candidate));
    if (field) return base + field.offset;
  }
  return undefined;
}

function writeQuoted(writer: DecoderWriter, statement: string): void {
  writer.literal('"');
  writer.statement(statement);
  writer.literal('"');
}

/** The name, or the number when the kernel knows more names than the build did. */
function writeEnum(writer: DecoderWriter, field: FieldLayout, offset: number): void {
  const value = loadOf('enum', field.bytes, 'r', offset);
  writer.block(`switch (${value})`, () => {
    for (const [bits, name] of Object.entries(field.enumerators ?? {})) {
      writer.statement(`case ${bits}: o = ${textCall(JSON.stringify(name))}; break;`);
    }
    writer.statement(`default: o = unsigned(o, ${value});`);
  });
}

function writeNumbers(writer: DecoderWriter, field: FieldLayout, offset: number): void {
  const { format, length } = field;
  if (length === undefined) {
    writeNumber(writer, format, loadOf(format, field.bytes, 'r', offset));
    return;
  }
  const elementBytes = field.bytes / length;
  writer.literal('[');
  writer.block(`for (let i: usize = 0; i < ${length}; i++)`, () => {
    writer.statement('o = separator(o, i);');
    writeNumber(writer, format, loadOf(format, elementBytes, `r + i * ${elementBytes}`, offset));
  });
  writer.literal(']');
}

function writeNumber(writer: DecoderWriter, format: FieldFormat, value: string): void {
  if (format === 'hex') {
    writer.literal('"0x');
    writer.statement(`o = hex(o, ${value});`);
    writer.literal('"');
    return;
  }
  // The upper byte says which hierarchy tells the owner; what is shown is the inode.
  const shown = format === 'cgroup_id' ? `${value} & 0x00ffffffffffffff` : value;
  const helper = format === 'bool' ? 'bool' : format === 'signed' ? 'signed' : 'unsigned';
  writer.statement(`o = ${helper}(o, ${shown});`);
}
