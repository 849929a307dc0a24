/** A fixture's BPF object, loaded by this process; gone from the kernel when it is disposed of. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { MapLayout, ObjectManifest } from '../../src/build/manifest.ts';
import { Handles } from '../../src/kernel/handles.ts';
import { libbpf, type Pointer } from '../../src/kernel/libbpf.ts';
import { KernelObject } from '../../src/kernel/object.ts';
import { builtCollectors } from './flood.ts';

export class LoadedFixture implements Disposable {
  readonly object: KernelObject;
  readonly #handles: Handles;

  private constructor(object: KernelObject, handles: Handles) {
    this.object = object;
    this.#handles = handles;
  }

  /** @param sources directory below test/fixtures */
  static async load(
    sources: string,
    name: string,
    options: Readonly<Record<string, bigint>> = {},
  ): Promise<LoadedFixture> {
    const directory = await builtCollectors(sources);
    const manifest = JSON.parse(readFileSync(join(directory, `${name}.json`), 'utf8')) as ObjectManifest;
    const bytes = readFileSync(join(directory, `${name}.bpf.o`));
    const handles = new Handles(Handles.allocate());
    return new LoadedFixture(KernelObject.load(handles, { manifest, bytes, options }), handles);
  }

  /** libbpf's `struct bpf_object *`. */
  get pointer(): Pointer {
    return this.#handles.object;
  }

  mapFd(name: string): number {
    const fd = this.object.mapFd(name);
    if (fd === undefined) throw new Error(`no map ${name}`);
    return fd;
  }

  layout(name: string): MapLayout {
    const layout = this.object.manifest.maps.find((map) => map.name === name);
    if (!layout) throw new Error(`no layout of map ${name}`);
    return layout;
  }

  [Symbol.dispose](): void {
    this.#handles.close(libbpf());
  }
}
