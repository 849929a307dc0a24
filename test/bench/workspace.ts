/** Where a run of the benchmarks builds and writes; gone afterwards. */
import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { buildDirectory } from '../../src/build/collectors.ts';
import { at } from '../../src/paths.ts';

/** What every part is given. */
export interface BenchOptions {
  /** Parent of the journals' directories: decides which disk is measured. */
  readonly directory: string;
  readonly idle_seconds: number;
  readonly flood_seconds: number;
  /** Of journals that are shipped and read. */
  readonly shipping_megabytes: number;
  /** Where what programs cost is written to, for the documentation. */
  readonly costs?: string;
  readonly progress: (line: string) => void;
}

export class Workspace implements Disposable {
  readonly path: string;

  /** @param parent an existing directory; the system's for temporary files unless it says otherwise */
  constructor(parent: string = tmpdir()) {
    this.path = mkdtempSync(join(parent, 'huatuo-bench-'));
  }

  /**
   * Builds one BPF collector.
   * @param source path of its `.bpf.c` in the checkout
   * @returns the directory of `<name>.bpf.o`, `.json` and `.wasm`
   */
  async build(source: string): Promise<string> {
    const [sources, out] = [
      join(this.path, 'sources', basename(source)),
      join(this.path, 'built', basename(source)),
    ];
    mkdirSync(sources, { recursive: true });
    mkdirSync(out, { recursive: true });
    cpSync(at(source), join(sources, basename(source)));
    const { failures } = await buildDirectory(sources, out);
    if (failures[0]) throw failures[0];
    return out;
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}
