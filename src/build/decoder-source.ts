/**
 * Event layout → AssemblyScript source of its decoder.
 *
 * The source is meant to be read: one statement for each value, with the load that fetches it, and between them the
 * constant JSON, merged so that `","pid":` is one copy. All that is the same for every event is in `wasm/*.ts`.
 */
import { maxDataBytes } from '../decoder/bounds.ts';
import { lookupKinds, netnsField, ownerField } from '../decoder/lookup-kinds.ts';
import { buildFailed } from '../schema/failure.ts';
import type { EventLayout, EventVariant, FieldLayout } from '../schema/manifest.ts';
import { isTail } from '../schema/record.ts';
import { structsOf } from '../schema/variants.ts';
import { writeObject } from './decoder-fields.ts';
import { DecoderWriter, loadOf } from './decoder-writer.ts';

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
  const netns = netnsField(layout);
  checkLength(layout);
  const kinds = lookupKinds(layout);
  const structs = structsOf(layout);
  const writer = new DecoderWriter(kinds);
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
  @inline get netns(): u32 { return ${netns ? `load<u32>(changetype<usize>(this), ${netns.offset})` : '0'}; }
  @inline get netnsOwnerKind(): u32 { return ${kinds.findIndex(({ type }) => type === 'netns_owner') + 1}; }
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
function writeStruct(writer: DecoderWriter, { fields }: EventVariant): void {
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

/** `eventLayout` made sure that there is one. */
function timeField(layout: EventLayout): FieldLayout {
  const time = layout.fields.find((field) => field.format === 'ktime_ns');
  if (time) return time;
  throw buildFailed({ file: layout.struct }, 'no ktime_ns', 'an event has one ktime_ns field, its time');
}
