/** What a disk did between two samples, and whether that is too much: for iotracing. */
import type { DiskOperation, DiskStats } from '../../procfs/diskstats.ts';
import type { CountedUse } from './iotracing-before.ts';

export type DiskState = Pick<DiskStats, 'busy_seconds' | 'weighted_seconds' | 'in_progress'> & {
  readonly device: string;
  /** dev_t: major << 20 | minor */
  readonly number: number;
  readonly read: DiskOperation;
  readonly write: DiskOperation;
  /** Of containers and units; absent while no disk was asked for anything, and where none has used it. */
  readonly uses?: readonly CountedUse[];
};

export interface IoStatus {
  readonly read_bps: number;
  readonly read_iops: number;
  /** Milliseconds, of enough requests. */
  readonly read_await?: number;
  readonly write_bps: number;
  readonly write_iops: number;
  readonly write_await?: number;
  /** Percent. */
  readonly io_util: number;
  readonly queue_size: number;
}

interface DiskLimits {
  readonly util_percent: number;
  readonly await_seconds: number;
  readonly nvme_read_bps: number;
  readonly nvme_write_bps: number;
}

export type Reason = 'ioutil' | 'read_bps' | 'write_bps' | 'read_await' | 'write_await';

/** @returns undefined when the counters are those of another disk of that name */
export function ratesOf(
  before: DiskState,
  after: DiskState,
  seconds: number,
  least: number,
): IoStatus | undefined {
  const busy = after.busy_seconds - before.busy_seconds;
  if (seconds <= 0 || busy < 0 || before.number !== after.number) return undefined;
  const read = operationOf(before.read, after.read, seconds, least);
  const write = operationOf(before.write, after.write, seconds, least);
  return {
    ...{ read_bps: read.bps, read_iops: read.iops, write_bps: write.bps, write_iops: write.iops },
    ...(read.await_ms !== undefined && { read_await: read.await_ms }),
    ...(write.await_ms !== undefined && { write_await: write.await_ms }),
    io_util: Math.min(100, (busy / seconds) * 100),
    queue_size: (after.weighted_seconds - before.weighted_seconds) / seconds,
  };
}

function operationOf(
  before: DiskOperation,
  after: DiskOperation,
  seconds: number,
  least: number,
): { readonly bps: number; readonly iops: number; readonly await_ms: number | undefined } {
  const requests = after.requests - before.requests;
  return {
    bps: Math.round((after.bytes - before.bytes) / seconds),
    iops: requests / seconds,
    await_ms:
      requests >= Math.max(1, least) ? ((after.seconds - before.seconds) / requests) * 1000 : undefined,
  };
}

/** An NVMe disk serves many requests at once: it is full when it moves as much as it can, or nothing though it is asked to. */
export function reasonOf(device: string, status: IoStatus, limits: DiskLimits): Reason | undefined {
  const { io_util, read_bps, write_bps, read_iops, write_iops, read_await = 0, write_await = 0 } = status;
  if (io_util > limits.util_percent) {
    const isStuck = read_iops + write_iops === 0;
    if (!device.startsWith('nvme') || isStuck) return 'ioutil';
    if (read_bps > limits.nvme_read_bps) return 'read_bps';
    if (write_bps > limits.nvme_write_bps) return 'write_bps';
  }
  if (read_await > limits.await_seconds * 1000) return 'read_await';
  return write_await > limits.await_seconds * 1000 ? 'write_await' : undefined;
}

export function summaryOf(device: string, reason: Reason, status: IoStatus): string {
  const { io_util, read_bps, write_bps, read_await, write_await, queue_size } = status;
  const average = (await_ms: number | undefined): string =>
    await_ms === undefined ? 'too few to tell' : `${await_ms.toFixed(1)} ms each`;
  return (
    `${device}: ${reason}; busy ${io_util.toFixed(0)} %, ${queue_size.toFixed(1)} requests at a time, ` +
    `reads ${read_bps} bytes/s (${average(read_await)}), writes ${write_bps} bytes/s (${average(write_await)})`
  );
}
