/** What a segment's file holds, in any of its forms: whole lines as text. */
import { readFileSync } from 'node:fs';
import { linesOf, PRELUDE_BYTES, parsePrelude } from '../../src/storage/journal/frames.ts';

/** Whole lines in the first `bytes` bytes of a segment. */
export function linesWithin(path: string, bytes: number): Buffer {
  const start = readFileSync(path).subarray(0, bytes);
  return path.endsWith('.zst') ? framedLines(start) : start.subarray(0, start.lastIndexOf('\n') + 1);
}

/** Lines of frames up to the first that is not whole: one may be being written at this moment. */
export function segmentBytes(path: string): Buffer {
  const bytes = readFileSync(path);
  return path.endsWith('.zst') ? framedLines(bytes) : bytes;
}

function framedLines(bytes: Buffer): Buffer {
  const lines: Buffer[] = [];
  for (let at = 0; ; ) {
    const prelude = parsePrelude(bytes.subarray(at));
    const start = at + PRELUDE_BYTES;
    const content = prelude && linesOf(bytes.subarray(start, start + prelude.frame_bytes), prelude);
    if (!content) return Buffer.concat(lines);
    lines.push(content);
    at = start + prelude.frame_bytes;
  }
}
