/** A record as a BPF program would fill it, by the layout that the build has read from the object's BTF. */
import assert from 'node:assert/strict';
import type { FieldLayout } from '../../src/schema/manifest.ts';
import { builtManifest } from './ring-recording.ts';

/** By C names; text, numbers, names of enums, numbers of an array. */
export type FieldValues = {
  readonly [name: string]: string | number | bigint | readonly bigint[] | FieldValues;
};

/** Fields that are not given are 0, and the tail is empty. */
export function eventRecord(collector: string, values: FieldValues): Buffer {
  const { event } = builtManifest(collector);
  assert.ok(event);
  const record = Buffer.alloc(event.bytes);
  write(record, event.fields, values, 0);
  return record;
}

function write(record: Buffer, fields: readonly FieldLayout[], values: FieldValues, base: number): void {
  for (const [name, value] of Object.entries(values)) {
    const field = fields.find((candidate) => candidate.name === name);
    assert.ok(field, `a field ${name}`);
    const at = base + field.offset;
    if (Array.isArray(value)) {
      const bytes = field.bytes / (field.length ?? 1);
      for (const [index, one] of value.entries())
        writeNumber(record, at + index * bytes, bytes, one as bigint);
    } else if (typeof value === 'object') write(record, field.fields ?? [], value as FieldValues, at);
    else if (typeof value !== 'string') writeNumber(record, at, field.bytes, BigInt(value));
    else if (field.enumerators) writeNumber(record, at, field.bytes, numberOf(field.enumerators, value));
    else record.write(value, at, field.bytes);
  }
}

function numberOf(enumerators: Readonly<Record<string, string>>, name: string): bigint {
  const found = Object.entries(enumerators).find(([, candidate]) => candidate === name);
  assert.ok(found, `an enumerator ${name}`);
  return BigInt(found[0]);
}

function writeNumber(record: Buffer, at: number, bytes: number, value: bigint): void {
  const whole = Buffer.alloc(8);
  whole.writeBigUInt64LE(BigInt.asUintN(64, value));
  record.set(whole.subarray(0, bytes), at);
}
