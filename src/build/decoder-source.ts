/**
 * Event layout → AssemblyScript source of its decoder.
 *
 * The source is meant to be read: one statement for each value, with the load that fetches it, and between them the
 * constant JSON, merged so that `","pid":` is one copy. All that is the same for every event is in `wasm/*.ts`.
 */
import { maxDataBytes } from '../decoder/bounds.ts';
import { type LookupKind, lookupKinds, lookupNumber, ownerField } from '../decoder/lookup-kinds.ts';
import { buildFailed } from '../schema/failure.ts';
import { isTail, namesOf } from '../schema/layout.ts';
import type { EventLayout, EventVariant, FieldFormat, FieldLayout } from '../schema/manifest.ts';
import { isShown } from '../schema/semantics.ts';
import { structsOf } from '../schema/variants.ts';

/** Functions of `wasm/json.ts` that a decoder may need. */
const HELPERS = [
  'bool',
  'bytes',
  'chars',
  'hex',
  'ipAddress',
  'separator',
  'signed',
  'text',
  'unsigned',
] as const;
const STACKS = ['kernelStack', 'userStack'] as const;
/** A full table is emptied, so one record must never need more text than the table holds (1 MiB). */
const MAX_DOCUMENT_BYTES = 1 << 19;

/**
 * @param collector basename of the BPF source
 * @param layout as `eventLayout` made it, which refuses what no decoder could read
 * @returns the content of `wasm/decoders/<collector>.ts`; imports are relative to that folder
 * @throws HuatuoError BUILD_FAILED for an enumerator that is not plain ASCII
 */
export function decoderSource(collector: string, layout: EventLayout): string {
  const time = timeField(layout);
  const cgroup = ownerField(layout.fields);
  checkLength(layout);
  const kinds = lookupKinds(layout);
  const structs = structsOf(layout);
  const writer = new Writer(kinds);
  const tag = layout.variants && layout.fields.find(({ format }) => format === 'tag');
  if (tag) {
    writer.block(`switch (load<u32>(r, ${tag.offset}))`, () => {
      for (const struct of structs) {
        writer.block(`case ${struct.tag}:`, () => {
          writeStruct(writer, struct);
          writer.statement('break;');
        });
      }
    });
  } else writeStruct(writer, { ...layout, tag: 0 });
  const body = writer.finish();

  const used = (names: readonly string[]): readonly string[] =>
    names.filter((name) => body.some((line) => new RegExp(`\\b${name}\\(`).test(line)));
  const imports = [
    ["import { drain } from '../drain';"],
    importOf(used(HELPERS), '../json'),
    importOf(used(['known']), '../lookups'),
    importOf(used(['packet']), '../packet'),
    importOf(used(STACKS), '../stacks'),
  ].flat();
  return `// Generated from struct ${layout.struct} of bpf/${collector}.bpf.c by the build: change it there.
${imports.join('\n')}

export { addLookup } from '../lookups';
export { walk } from '../ring';

/** Of the struct; of the first, when the ring has several. */
export const RECORD_BYTES: u32 = ${layout.bytes};
/** The most that \`write\` writes. */
export const MAX_DATA_BYTES: usize = ${maxDataBytes(layout)};
export const STATIC_END: usize = __heap_base;

@unmanaged
class EventRecord {
  @inline get time_ns(): u64 { return load<u64>(changetype<usize>(this), ${time.offset}); }
  @inline get cgroupId(): u64 { return ${cgroup ? `load<u64>(changetype<usize>(this), ${cgroup.offset})` : '0'}; }
  @inline get looksUp(): boolean { return ${kinds.length > 1}; }

  @inline fits(length: u32): boolean {
    const r = changetype<usize>(this);
${fitsBody(structs, tag)
  .map((line) => `    ${line}\n`)
  .join('')}  }

  @inline write(o: usize): usize {
    const r = changetype<usize>(this);
${body.map((line) => `    ${line}\n`).join('')}    return o;
  }
}

export function decode(): void {
  drain<EventRecord>(MAX_DATA_BYTES);
}
`;
}

/** A document's part of one struct, from `,"tracer_data":` to the end of the line. */
function writeStruct(writer: Writer, { fields }: EventVariant): void {
  writer.literal(',"tracer_data":');
  writeObject(
    writer,
    fields.filter(({ format }) => format !== 'ktime_ns'),
    [{ fields, base: 0 }],
  );
  writer.literal('}\n');
}

/** Whether a record of this length can hold its struct: nothing is checked after it. */
function fitsBody(structs: readonly EventVariant[], tag: FieldLayout | undefined): readonly string[] {
  if (!tag) return structs.map((struct) => `return ${fits(struct)};`);
  return [
    `if (length < ${tag.offset + 4}) return false;`,
    `switch (load<u32>(r, ${tag.offset})) {`,
    ...structs.map((struct) => `  case ${struct.tag}: return ${fits(struct)};`),
    '  default: return false;',
    '}',
  ];
}

/** Without a tail the length is the struct's, rounded up or not. */
function fits({ bytes, fields }: EventVariant): string {
  const length = fields.find(({ format }) => format === 'tail_length');
  if (!length) return `length - ${bytes} < 8`;
  const most = fields.find(isTail)?.length ?? 0;
  const tail = loadOf('tail_length', 4, 'r', length.offset);
  return `length >= ${bytes} && ${tail} <= min<u32>(length - ${bytes}, ${most})`;
}

function importOf(names: readonly string[], from: string): readonly string[] {
  return names.length === 0 ? [] : [`import { ${names.join(', ')} } from '${from}';`];
}

function checkLength(layout: EventLayout): void {
  const { struct } = layout;
  const most = maxDataBytes(layout);
  if (most <= MAX_DOCUMENT_BYTES) return;
  throw buildFailed(
    { file: 'decoder', subject: `struct ${struct}` },
    `documents of up to ${most} bytes`,
    'use fewer or shorter stacks and texts',
  );
}

/** A struct around the field that is being written: fields beside it can help to look it up. */
interface Scope {
  readonly fields: readonly FieldLayout[];
  /** Offset of the struct in the record. */
  readonly base: number;
}

/** Innermost first. */
type Scopes = readonly Scope[];

/** Collects statements; constant text waits until a value interrupts it. */
class Writer {
  readonly kinds: readonly LookupKind[];
  readonly #lines: string[] = [];
  #pending = '';
  #indent = '';

  constructor(kinds: readonly LookupKind[]) {
    this.kinds = kinds;
  }

  literal(text: string): void {
    this.#pending += text;
  }

  statement(line: string): void {
    this.#flush();
    this.#lines.push(`${this.#indent}${line}`);
  }

  block(head: string, body: () => void): void {
    this.statement(`${head} {`);
    this.#indent += '  ';
    body();
    this.#flush();
    this.#indent = this.#indent.slice(2);
    this.statement('}');
  }

  finish(): readonly string[] {
    this.#flush();
    return this.#lines;
  }

  #flush(): void {
    if (this.#pending === '') return;
    this.#lines.push(`${this.#indent}o = ${textCall(this.#pending)};`);
    this.#pending = '';
  }
}

/** The copy of a constant: `text(o, ',"pid":', 7)`. */
function textCall(constant: string): string {
  if (!/^[\n -~]*$/.test(constant)) {
    throw buildFailed(
      { file: 'decoder' },
      `the name in ${constant}`,
      'use plain ASCII names in the BPF source',
    );
  }
  const quoted = constant.replaceAll('\\', '\\\\').replaceAll("'", "\\'").replaceAll('\n', '\\n');
  return `text(o, '${quoted}', ${constant.length})`;
}

/** @param scopes the struct that is written comes first */
function writeObject(writer: Writer, fields: readonly FieldLayout[], scopes: Scopes): void {
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

function writeField(writer: Writer, field: FieldLayout, scopes: Scopes): void {
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
function writeOwner(writer: Writer, offset: number, kind: number): void {
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

function writeQuoted(writer: Writer, statement: string): void {
  writer.literal('"');
  writer.statement(statement);
  writer.literal('"');
}

/** The name, or the number when the kernel knows more names than the build did. */
function writeEnum(writer: Writer, field: FieldLayout, offset: number): void {
  const value = loadOf('enum', field.bytes, 'r', offset);
  writer.block(`switch (${value})`, () => {
    for (const [bits, name] of Object.entries(field.enumerators ?? {})) {
      writer.statement(`case ${bits}: o = ${textCall(JSON.stringify(name))}; break;`);
    }
    writer.statement(`default: o = unsigned(o, ${value});`);
  });
}

function writeNumbers(writer: Writer, field: FieldLayout, offset: number): void {
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

function writeNumber(writer: Writer, format: FieldFormat, value: string): void {
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

function loadOf(format: FieldFormat, bytes: number, base: string, offset: number): string {
  return `load<${format === 'signed' ? 'i' : 'u'}${bytes * 8}>(${base}, ${offset})`;
}

/** `eventLayout` made sure that there is one. */
function timeField(layout: EventLayout): FieldLayout {
  const time = layout.fields.find((field) => field.format === 'ktime_ns');
  if (time) return time;
  throw buildFailed({ file: layout.struct }, 'no ktime_ns', 'an event has one ktime_ns field, its time');
}
