/**
 * What compression of the journal gains and costs: levels and lengths of frames, the journal's thread against the pool, how many
 * documents fit in a gigabyte, and reading them back.
 */
import { join } from 'node:path';
import { constants, zstdCompressSync } from 'node:zlib';
import { readEvents } from '../../src/storage/journal/events.ts';
import { parseFilter } from '../../src/storage/journal/filter.ts';
import { compressLines, compressLinesOnPool, FRAME_BYTES } from '../../src/storage/journal/frames.ts';
import type { Compression } from '../../src/storage/journal/journal.ts';
import { listSegments } from '../../src/storage/journal/segment.ts';
import { documentsOf, JournalSource } from './journal-source.ts';
import { atLeast, type Row } from './report.ts';
import type { BenchOptions } from './workspace.ts';

const MB = 1e6;
const GOAL_RATIO = 15;
const LEVELS = [-5, -3, 1, 3];
const LENGTHS = [4 * 1024, 64 * 1024, FRAME_BYTES];
const SAMPLE_BYTES = 32e6;
/** A batch under load, and one of a quiet tracer. */
const BATCHES = [1400, 1];
const QUIET_MEGABYTES = 70;

export async function benchCompression(options: BenchOptions): Promise<Row[]> {
  const rows = [...frames(), ...(await threads())];
  for (const batch of BATCHES) rows.push(...(await written(options, batch)));
  return rows;
}

/** Lines in pieces of about a length. */
function pieces(bytes: number, length: number): Buffer[] {
  const each = Math.round(length / (documentsOf(0, 1000).length / 1000));
  const all: Buffer[] = [];
  for (let at = 0; at < bytes; at += length) all.push(documentsOf(all.length * each, each));
  return all;
}

function frames(): Row[] {
  return LENGTHS.flatMap((length) => {
    const all = pieces(SAMPLE_BYTES / 4, length);
    return LEVELS.map((level): Row => {
      const params = { [constants.ZSTD_c_compressionLevel]: level, [constants.ZSTD_c_checksumFlag]: 1 };
      const { ratio, cpu_ms } = measured(all, (lines) => {
        const { length: size } = lines;
        return zstdCompressSync(lines, { pledgedSrcSize: size, chunkSize: size + (size >> 8) + 1024, params })
          .length;
      });
      return {
        name: `frames of ${length / 1024} KiB, level ${level}`,
        measured: `${ratio.toFixed(1)} : 1, ${cpu_ms.toFixed(2)} ms of CPU for each MB`,
        verdict: 'info',
      };
    });
  });
}

function measured(
  all: readonly Buffer[],
  compress: (lines: Buffer) => number,
): { readonly ratio: number; readonly cpu_ms: number } {
  const before = process.cpuUsage();
  const after = all.reduce((sum, lines) => sum + compress(lines), 0);
  const bytes = all.reduce((sum, { length }) => sum + length, 0);
  return { ratio: bytes / after, cpu_ms: cpuMs(before) / (bytes / MB) };
}

function cpuMs(before: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

/** The same frames in the calling thread, and on libuv's pool, two at a time. */
async function threads(): Promise<Row[]> {
  const all = pieces(SAMPLE_BYTES, FRAME_BYTES);
  const megabytes = all.reduce((sum, { length }) => sum + length, 0) / MB;
  const row = (name: string, before: NodeJS.CpuUsage, began: number): Row => ({
    name,
    measured: `${(cpuMs(before) / megabytes).toFixed(2)} ms of CPU for each MB, ${Math.round((megabytes / (performance.now() - began)) * 1000)} MB/s`,
    verdict: 'info',
  });
  let [before, began] = [process.cpuUsage(), performance.now()];
  for (const lines of all) compressLines(lines);
  const rows = [row("frames made in the journal's thread", before, began)];
  [before, began] = [process.cpuUsage(), performance.now()];
  for (let at = 0; at < all.length; at += 2)
    await Promise.all(all.slice(at, at + 2).map(compressLinesOnPool));
  return [...rows, row('frames made on the pool, two at a time', before, began)];
}

/** A journal that is written in batches of so many documents, in each form. */
async function written(options: BenchOptions, batch: number): Promise<Row[]> {
  const { directory, shipping_megabytes, progress } = options;
  const megabytes = batch === 1 ? Math.min(QUIET_MEGABYTES, shipping_megabytes) : shipping_megabytes;
  const rows: Row[] = [];
  for (const compression of ['off', 'sealed', 'live'] as const) {
    progress(`compression: ${megabytes} MB, ${batch} at a time, ${compression}`);
    await using source = new JournalSource(directory, compression);
    while (source.bytes < megabytes * MB) source.write(batch);
    const before = process.cpuUsage();
    await source.journal.packed();
    rows.push(kept(source, compression, batch, cpuMs(before)));
    if (batch > 1) rows.push(...(await reading(source, compression)));
  }
  return rows;
}

/** @param cpu_ms that full segments took in the background */
function kept(source: JournalSource, compression: Compression, batch: number, cpu_ms: number): Row {
  const { disk_bytes = Number.NaN } = source.journal.status().softirq ?? {};
  const segments = listSegments(join(source.path, 'softirq'), () => undefined);
  const full = segments.slice(0, -1).reduce((sum, { bytes }) => sum + bytes, 0);
  const documents = segments.at(-1)?.first ?? 0;
  const lines_bytes = source.bytes * (documents / source.written);
  const ratio = lines_bytes / full;
  const row = {
    name: `${compression}, ${batch === 1 ? 'one document' : `${batch} documents`} at a time`,
    measured:
      `full segments ${(documents / full / (MB / 1e9)).toFixed(1)} M documents in 1 GB (${ratio.toFixed(1)} : 1), for ` +
      `${(cpu_ms / (lines_bytes / MB)).toFixed(2)} ms of CPU in the background for each MB; as it was written ${(source.bytes / disk_bytes).toFixed(1)} : 1`,
  };
  if (compression === 'off') return { ...row, verdict: 'info' };
  return { ...row, goal: `≥ ${GOAL_RATIO} : 1`, ...atLeast(ratio, GOAL_RATIO) };
}

/** `huatuo events` without its output. */
async function reading(source: JournalSource, kind: Compression): Promise<Row[]> {
  const rows: Row[] = [];
  for (const [name, filter] of [
    [`${kind}, read every document`, ''],
    [`${kind}, read one document in 64`, 'tracer_data.cpu == 7 && tracer_data.latency_ns > 0'],
    [`${kind}, read one document of all`, `tracer_data.victim.pid == ${source.written - 17}`],
  ] as const) {
    const conditions = filter === '' ? [] : parseFilter(filter);
    const query = { tracers: [], conditions, follow: false };
    const began = performance.now();
    let found = 0;
    for await (const { events } of readEvents(source.path, query, AbortSignal.timeout(600_000)))
      found += events.length;
    const seconds = (performance.now() - began) / 1000;
    rows.push({
      name,
      measured: `${Math.round(source.bytes / MB / seconds)} MB/s, ${found} found`,
      verdict: 'info',
    });
  }
  return rows;
}
