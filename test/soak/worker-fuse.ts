/** Makes the agent's own workers fail: its end of test/fixtures/workers/fuse.ts. */
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { at } from '../../src/paths.ts';
import type { FailingWorker, WorkerFailure } from '../fixtures/workers/fuse.ts';
import { type Scratch, scratchDirectory } from './scratch.ts';

const PRELOAD = at('dist/test/fixtures/workers/fuse.js');

export class WorkerFuse implements Disposable {
  readonly #scratch: Scratch = scratchDirectory();

  get #path(): string {
    return join(this.#scratch.path, 'fuse');
  }

  /** For the agent. */
  get env(): Readonly<Record<string, string>> {
    return { NODE_OPTIONS: `--import=${PRELOAD}`, HUATUO_TEST_WORKER_FUSE: this.#path };
  }

  /** The worker fails this way within a few milliseconds. */
  light(worker: FailingWorker, failure: WorkerFailure): void {
    writeFileSync(this.#path, `${worker} ${failure}`);
  }

  /** The worker has not begun to fail. */
  get waiting(): boolean {
    return existsSync(this.#path);
  }

  [Symbol.dispose](): void {
    this.#scratch[Symbol.dispose]();
  }
}
