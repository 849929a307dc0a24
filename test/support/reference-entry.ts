/** What a map's key or value must be, written as plainly as TypeScript allows: the oracle of src/decoder/value.ts. */
import type { FieldLayout } from '../../src/schema/manifest.ts';

export function referenceEntry(
  fields: readonly FieldLayout[],
  bytes: Uint8Array,
  side: 'key' | 'value',
): Record<string, unknown> {
  const shown = fields.filter(({ format }) => format !== 'pad');
  return Object.fromEntries(
    shown.map((field) => {
      const own = bytes.slice(field.offset, field.offset + field.bytes);
      return [field.json, fieldOf(field, own, side)];
    }),
  );
}

function fieldOf(field: FieldLayout, bytes: Uint8Array, side: 'key' | 'value'): unknown {
  switch (field.format) {
    case 'struct':
      return referenceEntry(field.fields ?? [], bytes, side);
    case 'comm':
    case 'text': {
      const end = [...bytes, 0].indexOf(0);
      return new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes.slice(0, end));
    }
    case 'ip_addr': {
      const hex = Buffer.from(bytes).toString('hex');
      if (hex.startsWith('00000000000000000000ffff')) return [...bytes.slice(12)].join('.');
      return new URL(`http://[${hex.match(/.{4}/g)?.join(':')}]/`).hostname.slice(1, -1);
    }
    case 'kstack': {
      const frames = chunks(bytes, 8).map((frame) => numberOf({ ...field, format: 'hex' }, frame, side));
      return frames.slice(0, [...frames, '0x0'].indexOf('0x0'));
    }
    case 'ustack': {
      const frames = chunks(bytes, 32);
      const end = frames.findIndex((frame) => frame.subarray(0, 4).every((byte) => byte === 0));
      return frames.slice(0, end < 0 ? undefined : end).map((frame) => {
        const place = numberOf({ ...field, format: 'hex' }, frame.slice(24), side);
        const buildId = Buffer.from(frame.slice(4, 24)).toString('hex');
        return frame[0] === 2 && frame[1] === 0 ? place : `${buildId}+${place}`;
      });
    }
    default:
      if (field.length === undefined) return numberOf(field, bytes, side);
      return chunks(bytes, bytes.length / field.length).map((element) => numberOf(field, element, side));
  }
}

function chunks(bytes: Uint8Array, size: number): Uint8Array[] {
  return Array.from({ length: bytes.length / size }, (_, i) => bytes.slice(i * size, (i + 1) * size));
}

function numberOf(field: FieldLayout, bytes: Uint8Array, side: 'key' | 'value'): unknown {
  const bits = BigInt(`0x${Buffer.from(bytes).reverse().toString('hex')}`);
  const wide = bytes.length === 8;
  switch (field.format) {
    case 'bool':
      return bits !== 0n;
    case 'hex':
      return `0x${bits.toString(16)}`;
    case 'enum':
    case 'kernel_enum':
      return field.enumerators?.[String(bits)] ?? (wide ? bits : Number(bits));
    case 'cgroup_id':
    case 'ktime_ns':
      return bits;
    default: {
      const value = field.format === 'signed' ? BigInt.asIntN(bytes.length * 8, bits) : bits;
      return wide && side === 'key' ? value : Number(value);
    }
  }
}
