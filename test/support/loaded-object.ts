/** A fixture's BPF object, loaded by this process; gone from the kernel when it is disposed of. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { KernelObject } from '../../src/kernel/object.ts';
import type { MapLayout, ObjectManifest } from '../../src/schema/manifest.ts';
import { builtCollectors } from './flood.ts';

export class LoadedFixture implements Disposable {
  readonly object: KernelObject;

  private constructor(object: KernelObject) {
    this.object = object;
  }

  /** @param sources directory below test/fixtures */
  static async load(
    sources: string,
    name: string,
    options: Readonly<Record<string, bigint>> = {},
  ): Promise<LoadedFixture> {
    return LoadedFixture.open(await builtCollectors(sources), name, options);
  }

  /** @param directory where it is built */
  static async open(
    directory: string,
    name: string,
    options: Readonly<Record<string, bigint>>,
  ): Promise<LoadedFixture> {
    const manifest = JSON.parse(readFileSync(join(directory, `${name}.json`), 'utf8')) as ObjectManifest;
    const bytes = readFileSync(join(directory, `${name}.bpf.o`));
    return new LoadedFixture(await KernelObject.load({ manifest, bytes, options }));
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
    this.object.unload();
  }
}
