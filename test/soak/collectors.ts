/** Collectors for scenarios: the flood fixture with a module that fails on demand, and copies of it under other names. */
import { linkSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildDirectory } from '../../src/build/collectors.ts';
import { at } from '../../src/build/paths.ts';
import type { Failure } from '../fixtures/collectors/failing.ts';
import { builtCollectors } from '../support/flood.ts';
import { type Scratch, scratchDirectory } from './scratch.ts';

/** A directory for `--path.collectors`. */
export class FailingCollector implements Disposable {
  readonly #scratch: Scratch;
  readonly #fuse: string;

  private constructor(scratch: Scratch) {
    this.#scratch = scratch;
    this.#fuse = join(scratch.path, 'fuse');
  }

  static async build(): Promise<FailingCollector> {
    const built = await builtCollectors('collectors');
    const collector = new FailingCollector(scratchDirectory());
    for (const name of readdirSync(built).filter((file) => file.startsWith('flood.')))
      linkCopy(join(built, name), join(collector.path, name));
    writeModule(collector.path, 'flood', 'failing');
    return collector;
  }

  get path(): string {
    return this.#scratch.path;
  }

  /** For the agent. */
  get env(): Readonly<Record<string, string>> {
    return { HUATUO_TEST_FUSE: this.#fuse };
  }

  /** The worker fails this way within a few milliseconds. */
  fail(failure: Failure): void {
    writeFileSync(this.#fuse, failure);
  }

  [Symbol.dispose](): void {
    this.#scratch[Symbol.dispose]();
  }
}

/** Gives a collector the behaviour of a compiled fixture. */
function writeModule(directory: string, collector: string, fixture: string): void {
  const module = at(`dist/test/fixtures/collectors/${fixture}.js`);
  writeFileSync(join(directory, `${collector}.js`), `export { default } from ${JSON.stringify(module)};\n`);
}

/** The temporary directory may be on another file system than the build. */
function linkCopy(from: string, to: string): void {
  try {
    linkSync(from, to);
  } catch {
    writeFileSync(to, readFileSync(from));
  }
}

export interface Variant {
  /** Of five letters: a task that renames itself to `<name>:<count>` makes the events. */
  readonly name: string;
  readonly ring_bytes: number;
  /** Fixture with its behaviour. */
  readonly module?: string;
}

/** Builds copies of the flood fixture that answer to names of their own. @returns the directory for `--path.collectors` */
export async function buildVariants(directory: string, variants: readonly Variant[]): Promise<string> {
  const source = readFileSync(at('test/fixtures/collectors/flood.bpf.c'), 'utf8');
  const [sources, out] = [join(directory, 'sources'), join(directory, 'built')];
  mkdirSync(sources);
  for (const { name, ring_bytes } of variants) {
    const text = source
      .replace('"flood:"', `"${name}:"`)
      .replaceAll('flood_event', `${name}_event`)
      .replace('1 << 24', String(ring_bytes));
    writeFileSync(join(sources, `${name}.bpf.c`), text);
  }
  const { failures } = await buildDirectory(sources, out);
  if (failures[0]) throw failures[0];
  for (const { name, module } of variants) if (module) writeModule(out, name, module);
  return out;
}
