/** Collectors for scenarios: the flood fixture with a module that fails on demand, and copies of it under other names. */
import { existsSync, linkSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildDirectory } from '../../src/build/collectors.ts';
import { at } from '../../src/paths.ts';
import type { Failure } from '../fixtures/collectors/failing.ts';
import { CHOKE_EVENTS, choke, chokingDecoder } from '../support/choking-decoder.ts';
import { builtCollectors } from '../support/flood.ts';
import { type Scratch, scratchDirectory } from './scratch.ts';

interface FailingOptions {
  /** Size of its ring; without it that of the fixture. */
  readonly ring_bytes?: number;
  /** With a decoder that `trap in decoder` and `loop in decoder` work on. */
  readonly choking?: boolean;
}

/** A directory for `--path.collectors`. */
export class FailingCollector implements Disposable {
  readonly #scratch: Scratch;
  readonly #fuse: string;

  private constructor(scratch: Scratch) {
    this.#scratch = scratch;
    this.#fuse = join(scratch.path, 'fuse');
  }

  static async build({ ring_bytes, choking = false }: FailingOptions = {}): Promise<FailingCollector> {
    const collector = new FailingCollector(scratchDirectory());
    const { path } = collector;
    mkdirSync(path);
    const built =
      ring_bytes === undefined
        ? await builtCollectors('collectors')
        : await buildVariants(collector.#scratch.path, [{ name: 'flood', ring_bytes }]);
    for (const name of readdirSync(built).filter((file) => file.startsWith('flood.')))
      linkCopy(join(built, name), join(path, name));
    writeModule(path, 'flood', 'failing');
    if (choking) {
      // Gone first: it may be a link to the one that others use.
      rmSync(join(path, 'flood.wasm'));
      writeFileSync(join(path, 'flood.wasm'), await chokingDecoder());
    }
    return collector;
  }

  get path(): string {
    return join(this.#scratch.path, 'collectors');
  }

  /** For the agent. */
  get env(): Readonly<Record<string, string>> {
    return { HUATUO_TEST_FUSE: this.#fuse };
  }

  /**
   * The worker fails this way within a few milliseconds; what is said to be in update, within the next scrape.
   * @returns how many events that made: a decoder fails by an event
   */
  fail(failure: Failure): number {
    if (failure === 'trap in decoder' || failure === 'loop in decoder') {
      choke(failure === 'trap in decoder' ? 'trap' : 'loop');
      return CHOKE_EVENTS;
    }
    writeFileSync(this.#fuse, failure);
    return 0;
  }

  /** A failure that was asked for has not begun; nothing tells that of a decoder. */
  get waiting(): boolean {
    return existsSync(this.#fuse);
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

interface Variant {
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
