/**
 * Event layout → AssemblyScript source of its decoder.
 *
 * The source is meant to be read: one statement for each value, with the load that fetches it, and between them the
 * constant JSON, merged so that `","pid":` is one copy. All that is the same for every event is in `wasm/*.ts`.
 */
import { maxDataBytes } from '../decoder/bounds.ts';
import { buildFailed } from '../schema/failure.ts';
import type { EventLayout, FieldFormat, FieldLayout } from '../schema/manifest.ts';

/** Functions of `wasm/json.ts` that a decoder may need. */
const HELPERS = ['bool', 'chars', 'hex', 'ipAddress', 'separator', 'signed', 'text', 'unsigned'] as const;

/**
 * @param collector basename of the BPF source
 * @param layout as `eventLayout` made it, which refuses what no decoder could read
 * @returns the content of `wasm/decoders/<collector>.ts`; imports are relative to that folder
 * @throws HuatuoError BUILD_FAILED for an enumerator that is not plain ASCII
 */
export function decoderSource(collector: string, layout: EventLayout): string {
  const time = timeField(layout);
  const cgroup = layout.fields.find((field) => field.format === 'cgroup_id' && field.length === undefined);
  const writer = new Writer();
  writer.literal(',"tracer_data":');
  const printed = layout.fields.filter((field) => field !== time);
  writeObject(writer, printed, 0);
  writer.literal('}\n');
  const body = writer.finish();

  const helpers = HELPERS.filter((name) => body.some((line) => new RegExp(`\\b${name}\\(`).test(line)));
  const symbols = body.some((line) => line.includes('kernelStack('));
  return `// Generated from struct ${layout.struct} of bpf/${collector}.bpf.c by the build: change it there.
import { drain } from '../drain';
import { ${helpers.join(', ')} } from '../json';
${symbols ? "import { kernelStack } from '../symbols';\n" : ''}
export { addContainer } from '../containers';
export { walk } from '../ring';

export const RECORD_BYTES: u32 = ${layout.bytes};
/** The most that \`write\` writes. */
export const MAX_DATA_BYTES: usize = ${maxDataBytes(layout.fields)};
export const STATIC_END: usize = __heap_base;

@unmanaged
class EventRecord {
  @inline get time_ns(): u64 { return load<u64>(changetype<usize>(this), ${time.offset}); }
  @inline get cgroupId(): u64 { return ${cgroup ? `load<u64>(changetype<usize>(this), ${cgroup.offset})` : '0'}; }

  @inline write(o: usize): usize {
    const r = changetype<usize>(this);
${body.map((line) => `    ${line}\n`).join('')}    return o;
  }
}

export function decode(): void {
  drain<EventRecord>(RECORD_BYTES, MAX_DATA_BYTES);
}
`;
}

/** Collects statements; constant text waits until a value interrupts it. */
class Writer {
  readonly #lines: string[] = [];
  #pending = '';
  #indent = '';

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

/** @param base offset of the struct in the record */
function writeObject(writer: Writer, fields: readonly FieldLayout[], base: number): void {
  let before = '{';
  for (const field of fields) {
    if (field.format === 'pad') continue;
    writer.literal(`${before}${JSON.stringify(field.json)}:`);
    writeField(writer, field, base + field.offset);
    before = ',';
  }
  writer.literal(before === '{' ? '{}' : '}');
}

function writeField(writer: Writer, field: FieldLayout, offset: number): void {
  switch (field.format) {
    case 'pad':
      return;
    case 'struct':
      writeObject(writer, field.fields ?? [], offset);
      return;
    case 'kstack':
      writer.statement(`o = kernelStack(o, r + ${offset}, ${field.length ?? 0});`);
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
      return;
  }
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
