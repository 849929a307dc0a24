/** A journal for benchmarks, and documents like those of softirq to write into it. */
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type Compression, Journal } from '../../src/storage/journal/journal.ts';
import { documentLine } from '../storage/elasticsearch/fixture.ts';

const SYMBOLS = [
  'do_syscall_64',
  'net_rx_action',
  'handle_softirqs',
  'schedule',
  'ksys_read',
  'tcp_v4_rcv',
  'vfs_read',
];
const SILENT = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};

/** A document of the size and with the variety of those of softirq, about 750 bytes. */
function line(number: number): string {
  const stack = Array.from(
    { length: 6 },
    (_, depth) =>
      `${SYMBOLS[(number * 7 + depth * 3) % SYMBOLS.length]}+0x${((number * 31 + depth) % 4096).toString(16)}/0x1000`,
  );
  const data = {
    latency_ns: (number * 7919) % 100_000_000,
    cpu: number % 64,
    comm: `worker-${number % 97}`,
    vector: 'NET_RX',
    stack,
  };
  return documentLine(number, { tracer: 'softirq', data });
}

/** Lines of so many documents, by their numbers. */
export function documentsOf(first: number, count: number): Buffer {
  return Buffer.from(Array.from({ length: count }, (_, index) => line(first + index)).join(''));
}

/** A journal of its own, and documents written into it. */
export class JournalSource implements AsyncDisposable {
  readonly path: string;
  readonly journal: Journal;
  written = 0;
  bytes = 0;

  /** @param directory its parent */
  constructor(directory: string, compression: Compression = 'off') {
    this.path = mkdtempSync(join(directory, 'huatuo-journal-'));
    const sizes = { segment_bytes: 64 << 20, segments: 1000, total_bytes: 2 ** 36 };
    this.journal = new Journal(
      { directory: this.path, ...sizes, fsync_interval_ms: 1000, compression },
      SILENT,
    );
  }

  write(count: number): void {
    const text = documentsOf(this.written, count);
    this.journal.append('softirq', text, count);
    this.written += count;
    this.bytes += text.length;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.journal.close();
    rmSync(this.path, { recursive: true, force: true });
  }
}
