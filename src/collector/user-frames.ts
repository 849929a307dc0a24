/**
 * Frames of user stacks -> `symbol+0xoff`, or where the file has no such symbol `name[build id]+0xoff`: the first eight digits of the
 * id tell two versions of a file apart, and the offset is the place in it for who has its symbols elsewhere.
 */
import { LRUCache } from 'lru-cache';
import type { LookupCalls } from '../actor/kernel-calls.ts';
import { symbolAt } from '../decoder/symbol-table.ts';
import type { FileSymbols } from '../decoder/symbol-tasks.ts';
import type { UserFrame } from '../decoder/user-stack.ts';

/** Files whose tables this thread keeps in reach; the tables are shared with other threads. */
const MAX_FILES = 256;

/** A frame, and a process that runs code of its file. */
export interface ProcessFrame extends UserFrame {
  readonly process: number;
}

export class UserFrames {
  readonly #kernel: LookupCalls;
  readonly #files = new LRUCache<string, FileSymbols>({ max: MAX_FILES });

  constructor(kernel: LookupCalls) {
    this.#kernel = kernel;
  }

  /** @returns a name for each frame; JSON-safe */
  async names(frames: readonly ProcessFrame[]): Promise<readonly string[]> {
    const missing = frames.filter(({ buildId }) => !this.#files.has(buildId));
    for (const [process, wanted] of Map.groupBy(missing, (frame) => frame.process)) {
      const buildIds = [...new Set(wanted.map(({ buildId }) => buildId))];
      for (const file of await this.#kernel.fileSymbols(process, buildIds))
        this.#files.set(file.buildId, file);
    }
    return frames.map(({ buildId, offset }) => nameOf(this.#files.get(buildId), buildId, offset));
  }
}

function nameOf(file: FileSymbols | undefined, buildId: string, offset: bigint): string {
  const symbol = file?.table && symbolAt(file.table, offset);
  return symbol ?? `${file?.name ?? ''}[${buildId.slice(0, 8)}]+0x${offset.toString(16)}`;
}
