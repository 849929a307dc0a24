/**
 * What a document must be, written as plainly as TypeScript allows: from the layout, with JSON.stringify, TextDecoder, Date
 * and URL. The oracle of the generated decoders, and nothing but: it is about a thousand times slower.
 */
import type { EventLayout, FieldLayout } from '../../src/schema/manifest.ts';

/** What a line is made of beside the record. */
export interface DocumentParts {
  readonly layout: EventLayout;
  readonly idPrefix: string;
  readonly hostname: string;
  readonly region: string;
  readonly uploadedTime: string;
  readonly wallOffset_ns: bigint;
  /** Text for a cgroup id; '' for the host. */
  readonly fragmentOf: (cgroupId: bigint) => string;
  /** Ascending by address. */
  readonly symbols: readonly { readonly address: bigint; readonly name: string }[];
}

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
  const container = cgroupId === 0n ? '' : parts.fragmentOf(cgroupId);
  const printed = layout.fields.filter((field) => field !== time);
  const data = object(parts, printed, record);
  return `{${join(members)}${container},"tracer_data":${data}}\n`;
}

/** The upper byte of a cgroup id is not the inode's. */
const INODE_BITS = 2n ** 56n - 1n;

function join(members: Readonly<Record<string, string>>): string {
  return Object.entries(members)
    .map(([key, json]) => `${JSON.stringify(key)}:${json}`)
    .join();
}

/** @param record starts where the struct starts */
function object(parts: DocumentParts, fields: readonly FieldLayout[], record: Uint8Array): string {
  const printed = fields.filter((field) => field.format !== 'pad');
  const entries = printed.map((field): [string, string] => {
    const bytes = record.subarray(field.offset, field.offset + field.bytes);
    return [field.json, value(parts, field, bytes)];
  });
  return `{${join(Object.fromEntries(entries))}}`;
}

function value(parts: DocumentParts, field: FieldLayout, bytes: Uint8Array): string {
  switch (field.format) {
    case 'struct':
      return object(parts, field.fields ?? [], bytes);
    case 'comm':
    case 'text':
      return JSON.stringify(text(bytes));
    case 'ip_addr':
      return JSON.stringify(address(bytes));
    case 'enum': {
      const number = String(unsigned(bytes, 0, bytes.length));
      const name = field.enumerators?.[number];
      return name === undefined ? number : JSON.stringify(name);
    }
    case 'kstack':
      return `[${stack(parts, bytes)
        .map((frame) => JSON.stringify(frame))
        .join()}]`;
    default: {
      if (field.length === undefined) return number(field, bytes);
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
    const symbol = parts.symbols.findLast(({ address }) => address <= at);
    const known = symbol !== undefined && symbol.name !== '';
    frames.push(known ? `${symbol.name}+0x${(at - symbol.address).toString(16)}` : `0x${at.toString(16)}`);
  }
  return frames;
}
