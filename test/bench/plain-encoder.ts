/** What one would write first: each record read with a DataView into an object, each object through JSON.stringify. */
import type { Decoder } from '../../src/decoder/decoder.ts';
import { CONTAINER, ENVELOPE } from './tick-ring.ts';

const HEADER_BYTES = 8;
const BATCH_BYTES = 1 << 20;
const container = JSON.parse(`{${CONTAINER.slice(1)}}`) as object;
const output = Buffer.alloc(2 * BATCH_BYTES);

/**
 * Encodes records of the ring that the decoder has mapped, from its read position on, into batches of about 1 MiB.
 * @returns the last batch as text
 */
export function encodePlainly(decoder: Decoder, records: number, offset_ns: bigint): string {
  const { data } = decoder.regions;
  const ring = Buffer.from(decoder.memory.buffer, data.offset, data.bytes);
  const mask = BigInt(decoder.ringBytes - 1);
  const uploadedTime = new Date().toISOString();
  let position = decoder.readPosition;
  let used = 0;
  for (let i = 0; i < records; i++) {
    const at = Number(position & mask);
    const line = document(ring, at + HEADER_BYTES, position, offset_ns, uploadedTime);
    if (used > BATCH_BYTES) used = 0;
    used += output.write(`${JSON.stringify(line)}\n`, used);
    position += BigInt((ring.readUInt32LE(at) + HEADER_BYTES + 7) & ~7);
  }
  return output.toString('utf8', 0, used);
}

function document(
  ring: Buffer,
  at: number,
  position: bigint,
  offset_ns: bigint,
  uploadedTime: string,
): object {
  const wall_ns = ring.readBigUInt64LE(at) + offset_ns;
  const iso = new Date(Number(wall_ns / 1_000_000n)).toISOString();
  const id = `${ENVELOPE.idPrefix}${position.toString(16).padStart(16, '0')}`;
  const local = `${iso.slice(0, 10)} ${iso.slice(11, 23)} +0000`;
  const commEnd = ring.indexOf(0, at + 48);
  return {
    '@timestamp': `${iso.slice(0, 20)}${String(wall_ns % 1_000_000_000n).padStart(9, '0')}Z`,
    event_id: id,
    schema_version: 1,
    severity: 'info',
    hostname: ENVELOPE.hostname,
    region: ENVELOPE.region,
    uploaded_time: uploadedTime,
    tracer_name: 'tick',
    tracer_type: 'event',
    time: local,
    tracer_time: local,
    tracer_id: id,
    ...container,
    tracer_data: {
      delay_ns: Number(ring.readBigUInt64LE(at + 8)),
      size_bytes: Number(ring.readBigUInt64LE(at + 16)),
      cgroup_id: Number(ring.readBigUInt64LE(at + 24)),
      pid: ring.readUInt32LE(at + 32),
      tid: ring.readUInt32LE(at + 36),
      cpu: ring.readUInt32LE(at + 40),
      softirq_count: ring.readUInt32LE(at + 44),
      comm: ring.toString('utf8', at + 48, Math.min(commEnd, at + 64)),
      function_addr: `0x${ring.readBigUInt64LE(at + 64).toString(16)}`,
    },
  };
}
