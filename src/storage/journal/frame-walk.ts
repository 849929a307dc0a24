/** What a file of frames holds, frame by frame, without waiting: for the journal's own thread, when it opens a stream or counts a loss. */
import { readSync } from 'node:fs';
import { behind, type FramePlace, findFrame, linesOf, PRELUDE_BYTES, type Range } from './frames.ts';

interface FrameWalk {
  /** Documents of the frames that are as they were made. */
  readonly documents: number;
  /** Documents up to the end of the last such frame. */
  readonly numbered: number;
  /** Bytes of lines up to there. */
  readonly lines_bytes: number;
  /** Of the file, up to there. */
  readonly bytes: number;
  /** Documents behind it, as far as preludes tell; at least one when there are bytes. */
  readonly torn_documents: number;
}

/**
 * Reads and checks every frame.
 * @param size of the file, as far as it is looked at
 * @throws the errno's error
 */
export function walkFrames(fd: number, size: number): FrameWalk {
  let walk: FrameWalk = { documents: 0, numbered: 0, lines_bytes: 0, bytes: 0, torn_documents: 0 };
  let torn_documents = 0;
  for (let frame = find(fd, 0, size); frame; frame = find(fd, behind(frame), size)) {
    const content = readRange(fd, { at: frame.at + PRELUDE_BYTES, bytes: frame.frame_bytes }, size);
    torn_documents += frame.documents;
    if (content.length < frame.frame_bytes || !linesOf(content, frame)) continue;
    walk = {
      documents: walk.documents + frame.documents,
      numbered: frame.documents_before + frame.documents,
      lines_bytes: frame.offset + frame.lines_bytes,
      bytes: behind(frame),
      torn_documents: 0,
    };
    torn_documents = 0;
  }
  return { ...walk, torn_documents: torn_documents || Number(walk.bytes < size) };
}

function find(fd: number, at: number, size: number): FramePlace | undefined {
  const search = findFrame(at);
  let step = search.next();
  while (!step.done) step = search.next(readRange(fd, step.value, size));
  return step.value;
}

function readRange(fd: number, { at, bytes }: Range, size: number): Buffer {
  const buffer = Buffer.allocUnsafe(Math.max(0, Math.min(bytes, size - at)));
  let filled = 0;
  while (filled < buffer.length) {
    const step = readSync(fd, buffer, filled, buffer.length - filled, at + filled);
    if (step === 0) break;
    filled += step;
  }
  return buffer.subarray(0, filled);
}
