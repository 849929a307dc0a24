/** What the journal's tests share: a directory that goes away, a log that remembers, and reading a stream back. */
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Log } from '../../../src/sdk/context.ts';
import type { JournalOptions } from '../../../src/storage/journal/journal.ts';
import { segmentBytes } from '../../support/segment-text.ts';

export interface TempDirectory extends Disposable {
  readonly path: string;
}

export function tempDirectory(): TempDirectory {
  const path = mkdtempSync(join(tmpdir(), 'huatuo-journal-'));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

/** Keeps `<level> <message>` of every call. */
export function memoryLog(): Log & { readonly lines: string[] } {
  const lines: string[] = [];
  const at = (level: string) => (message: string) => void lines.push(`${level} ${message}`);
  return { lines, debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}

export function journalOptions(directory: string, changes: Partial<JournalOptions> = {}): JournalOptions {
  return {
    directory,
    segment_bytes: 1 << 20,
    segments: 8,
    total_bytes: 1 << 26,
    fsync_interval_ms: 60_000,
    ...changes,
  };
}

export function segmentFiles(directory: string, tracer: string): string[] {
  return readdirSync(join(directory, tracer))
    .filter((name) => !name.startsWith('.'))
    .sort();
}

/** All segments of a stream, one after the other. */
export function streamText(directory: string, tracer: string): string {
  return segmentFiles(directory, tracer)
    .map((name) => segmentBytes(join(directory, tracer, name)).toString())
    .join('');
}

/** `count` lines of about `bytes` bytes each, numbered from `first`. */
export function lines(count: number, first = 0, bytes = 16): Buffer {
  const one = (n: number) => `{"n":${n},"pad":"${'x'.repeat(bytes)}"}\n`;
  return Buffer.from(Array.from({ length: count }, (_, i) => one(first + i)).join(''));
}

/** The same, of text that cannot be compressed to less than three quarters. */
export function noise(count: number, first: number, bytes: number): Buffer {
  const one = (n: number) => `{"n":${n},"pad":"${randomBytes(bytes).toString('base64').slice(0, bytes)}"}\n`;
  return Buffer.from(Array.from({ length: count }, (_, i) => one(first + i)).join(''));
}

export const DISK_BYTES: number = 1024 * 1024;

/** A real disk that can be filled, a tmpfs of 1 MiB; or why there is none. */
export function tinyDisk(): TempDirectory | string {
  const temp = tempDirectory();
  const mounted = spawnSync('mount', [
    '-t',
    'tmpfs',
    '-o',
    `size=${DISK_BYTES},mode=0700`,
    'tmpfs',
    temp.path,
  ]);
  if (mounted.status !== 0) {
    temp[Symbol.dispose]();
    return `cannot mount a tmpfs: ${mounted.stderr}`;
  }
  return {
    path: temp.path,
    [Symbol.dispose]: () => {
      spawnSync('umount', [temp.path]);
      temp[Symbol.dispose]();
    },
  };
}
