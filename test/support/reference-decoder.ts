/**
 * What a document must be, written as plainly as TypeScript allows: from the layout, with JSON.stringify, TextDecoder, Date
 * and URL. The oracle of the generated decoders, and nothing but: it is about a thousand times slower.
 */
import type { LookupKind } from '../../src/decoder/lookup-kinds.ts';
import type { EventLayout, FieldLayout } from '../../src/schema/manifest.ts';
import { structsOf } from '../../src/schema/variants.ts';

/** What a line is made of beside the record. */
export interface DocumentParts {
  readonly layout: EventLayout;
  readonly idPrefix: string;
  readonly hostname: string;
  readonly region: string;
  readonly uploadedTime: string;
  readonly wallOffset_ns: bigint;
  /** What stands for a number: JSON, or members with a comma in front. */
  readonly textOf: (kind: LookupKind, key: bigint, frame?: Uint8Array) => string;
}

/** The structs around a field, innermost first, each with its bytes. */
type Around = readonly { readonly fields: readonly FieldLayout[]; readonly bytes: Uint8Array }[];

/** One NDJSON line, newline included. */
export function referenceDocument(parts: DocumentParts, record: Uint8Array, position: bigint): string {
  const { layout } = parts;
  const time = layout.fields.find((field) => field.format === 'ktime_ns') as FieldLayout;
  const cgroup = layout.fields.find((field) => field.format === 'cgroup_id' && field.length === undefined);
  const wall_ns = BigInt.asUintN(64, unsigned(record, time.offset, 8) + parts.wallOffset_ns);
  const iso = new Date(Number(wall_ns / 1_000_000n)).toISOString();
  const id = JSON.stringify(parts.idPrefix + position.toString(16).padStart(16, '0'));
  const local = JSON.stringify(`${iso.slice(0, 10)} ${iso.slice(11, 23)} +0000`);
  const members = {
    '@timestamp': JSON.stringify(`${iso.slice(0, 19)}.${String(wall_ns % 1_000_000_000n).padStart(9, '0')}Z`),
    event_id: id,
    schema_version: String(layout.schemaVersion),
    severity: JSON.stringify(layout.severity),
    hostname: JSON.stringify(parts.hostname),
    region: JSON.stringify(parts.region),
    uploaded_time: JSON.stringify(parts.uploadedTime),
    tracer_name: JSON.stringify(layout.tracer),
    tracer_type: '"event"',
    time: local,
    tracer_time: local,
    tracer_id: id,
  };
  const cgroupId = cgroup ? unsigned(record, cgroup.offset, 8) : 0n;
  const netnsAt = layout.variants
    ? undefined
    : layout.fields.find(({ format }) => format === 'netns')?.offset;
  const inode = netnsAt === undefined ? 0n : unsigned(record, netnsAt, 4);
  const container =
    cgroupId !== 0n
      ? parts.textOf({ type: 'owner', controller: cgroup?.controller }, cgroupId)
      : inode && parts.textOf({ type: 'netns_owner' }, inode);
  const tag = layout.variants && layout.fields.find(({ format }) => format === 'tag');
  const which = tag ? Number(unsigned(record, tag.offset, 4)) : 0;
  const fields = structsOf(layout).find((struct) => struct.tag === which)?.fields ?? [];
  const printed = fields.filter(({ format }) => format !== 'ktime_ns');
  const data = object(parts, printed, record, [{ fields, bytes: record }]);
  return `{${join(members)}${container || ''},"tracer_data":${data}}\n`;
}

/** The upper byte of a cgroup id is not the inode's. */
const INODE_BITS = 2n ** 56n - 1n;

function join(members: Readonly<Record<string, string>>): string {
  return Object.entries(members)
    .map(([key, json]) => `${JSON.stringify(key)}:${json}`)
    .join();
}

/** @param record starts where the struct starts */
function object(
  parts: DocumentParts,
  fields: readonly FieldLayout[],
  record: Uint8Array,
  around: Around,
): string {
  const printed = fields.filter(({ format }) => format !== 'pad' && format !== 'tail_length');
  const used = fields.find(({ format }) => format === 'tail_length');
  const entries = printed.flatMap((field): [string, string][] => {
    const tail = field.format === 'text_tail' || field.format === 'bytes_tail';
    const length = tail && used ? Number(unsigned(record, used.offset, 4)) : field.bytes;
    const bytes = record.subarray(field.offset, field.offset + length);
    if (field.optional && bytes.every((byte) => byte === 0)) return [];
    return [[field.json, value(parts, field, bytes, around)]];
  });
  return `{${join(Object.fromEntries(entries))}}`;
}

function value(parts: DocumentParts, field: FieldLayout, bytes: Uint8Array, around: Around): string {
  const key = field.bytes <= 8 ? unsigned(bytes, 0, bytes.length) : 0n;
  switch (field.format) {
    case 'struct':
      return object(parts, field.fields ?? [], bytes, [{ fields: field.fields ?? [], bytes }, ...around]);
    case 'kernel_enum':
      return parts.textOf({ type: 'kernel_enum', name: field.kernelEnum ?? '' }, key);
    case 'block_dev':
    case 'netns':
      return parts.textOf({ type: field.format }, key);
    case 'kframe':
      return parts.textOf({ type: 'kernel_frame' }, key);
    case 'netdev':
      return parts.textOf({ type: 'netdev' }, (netns(around) << 32n) | key);
    case 'ustack':
      return `[${userStack(parts, bytes).join()}]`;
    case 'tag':
      return JSON.stringify(Object.values(field.enumerators ?? {})[0]);
    case 'bytes_tail':
      return JSON.stringify(Buffer.from(bytes).toString('hex'));
    case 'comm':
    case 'text':
    case 'text_tail':
      return JSON.stringify(text(bytes));
    case 'ip_addr':
      return JSON.stringify(address(bytes));
    case 'enum': {
      const number = String(unsigned(bytes, 0, bytes.length));
      const name = field.enumerators?.[number];
      return name === undefined ? number : JSON.stringify(name);
    }
    case 'kstack':
      return `[${stack(parts, bytes).join()}]`;
    default: {
      if (field.length === undefined) {
        const named = field.owner && key !== 0n;
        const kind = { type: 'owner_names', controller: field.controller } as const;
        return number(field, bytes) + (named ? parts.textOf(kind, key) : '');
      }
      const size = bytes.length / field.length;
      const elements = Array.from({ length: field.length }, (_, i) =>
        bytes.subarray(i * size, (i + 1) * size),
      );
      return `[${elements.map((element) => number(field, element)).join()}]`;
    }
  }
}

function number(field: FieldLayout, bytes: Uint8Array): string {
  const bits = unsigned(bytes, 0, bytes.length);
  switch (field.format) {
    case 'bool':
      return bits === 0n ? 'false' : 'true';
    case 'signed':
      return String(BigInt.asIntN(bytes.length * 8, bits));
    case 'hex':
      return JSON.stringify(`0x${bits.toString(16)}`);
    case 'cgroup_id':
      return String(bits & INODE_BITS);
    default:
      return String(bits);
  }
}

function unsigned(bytes: Uint8Array, offset: number, length: number): bigint {
  let bits = 0n;
  for (let i = length - 1; i >= 0; i--) bits = (bits << 8n) | BigInt(bytes[offset + i] ?? 0);
  return bits;
}

function text(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  return decoder.decode(end < 0 ? bytes : bytes.subarray(0, end));
}

function address(bytes: Uint8Array): string {
  const hex = Buffer.from(bytes).toString('hex');
  if (hex.startsWith('00000000000000000000ffff')) return bytes.subarray(12).join('.');
  const groups = hex.match(/.{4}/g) ?? [];
  // The URL standard serialises IPv6 by the rules of RFC 5952.
  return new URL(`http://[${groups.join(':')}]/`).hostname.slice(1, -1);
}

function stack(parts: DocumentParts, bytes: Uint8Array): string[] {
  const frames: string[] = [];
  for (let offset = 0; offset < bytes.length; offset += 8) {
    const at = unsigned(bytes, offset, 8);
    if (at === 0n) break;
    frames.push(parts.textOf({ type: 'kernel_frame' }, at));
  }
  return frames;
}

function userStack(parts: DocumentParts, bytes: Uint8Array): string[] {
  const frames: string[] = [];
  for (let offset = 0; offset < bytes.length; offset += 32) {
    const frame = bytes.subarray(offset, offset + 32);
    const status = unsigned(frame, 0, 4);
    if (status === 0n) break;
    const at = unsigned(frame, 24, 8).toString(16);
    frames.push(status === 1n ? parts.textOf({ type: 'user_frame' }, 0n, frame) : `"[unknown]+0x${at}"`);
  }
  return frames;
}

/** The nearest network namespace beside or around; 0 when there is none. */
function netns(around: Around): bigint {
  for (const { fields, bytes } of around) {
    const field = fields.find(({ format, length }) => format === 'netns' && length === undefined);
    if (field) return unsigned(bytes, field.offset, 4);
  }
  return 0n;
}
