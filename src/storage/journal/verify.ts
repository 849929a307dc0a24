/** Reads a compressed segment that is not written any more as a reader would, to know what of it is still there. */
import { countLines } from './bookmark.ts';
import type { SegmentFile } from './segment.ts';
import { openForm } from './segment-source.ts';

const BUFFER_BYTES = 256 * 1024;

/**
 * Takes the CPU time of decompressing it, in steps between which others have their turn.
 * @returns documents that can be read; undefined when it is gone, or has another form now
 * @throws the errno's error, e.g. EIO
 */
export async function readableDocuments(directory: string, file: SegmentFile): Promise<number | undefined> {
  try {
    await using source = await openForm(directory, file);
    const buffer = Buffer.allocUnsafe(BUFFER_BYTES);
    let documents = 0;
    for (let offset = 0; ; ) {
      const { bytes, skipTo } = await source.read(buffer, offset);
      if (!skipTo && bytes === 0) return documents;
      documents += countLines(buffer.subarray(0, bytes));
      offset = skipTo?.offset ?? offset + bytes;
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
