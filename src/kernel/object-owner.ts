/**
 * The supervisor's hold on one BPF object: loads it when a worker asks, answers that worker and its successors, frees it when
 * the actor is stopped.
 */
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { KernelCalls, SharedRing } from '../actor/kernel-calls.ts';
import type { DecoderNeeds } from '../decoder/memory.ts';
import { HuatuoError } from '../error.ts';
import { describeLayout } from '../schema/layout.ts';
import type { EventLayout, ObjectManifest } from '../schema/manifest.ts';
import { objectLayout } from '../schema/read-manifest.ts';
import { type KernelPaths, lacksOf, probeKernel } from './features.ts';
import { lookupCalls } from './lookup-calls.ts';
import { MapAccess } from './map-access.ts';
import { KernelObject, type LoadRequest } from './object.ts';
import type { PinRequest } from './pins/pinning.ts';
import { ProgramChoice } from './programs.ts';
import { MappedRing } from './ring.ts';
import type { SampledEvent } from './sampling.ts';

export interface ObjectSource {
  readonly manifest: ObjectManifest;
  /** `<collector>.bpf.o` */
  readonly objectPath: string;
  /** Its decoder; absent for an object that makes no events. */
  readonly wasmPath?: string;
  /** C name of a `const volatile` variable -> value. */
  readonly options: Readonly<Record<string, bigint>>;
  readonly pin?: PinRequest;
  /** See `LoadRequest`. */
  readonly sampledEvent?: SampledEvent;
  readonly mapEntries?: LoadRequest['mapEntries'];
  readonly paths: KernelPaths;
}

export class KernelOwner {
  readonly #source: ObjectSource;
  readonly #loaded: (object: KernelObject) => Disposable | undefined;
  #dependents: Disposable | undefined;
  #loading: Promise<KernelObject> | undefined;
  #object: KernelObject | undefined;
  #ring: MappedRing | undefined;
  #module: WebAssembly.Module | undefined;

  /** @param loaded called when an object is in the kernel; what it returns is disposed before that is freed */
  constructor(
    source: ObjectSource,
    loaded: (object: KernelObject) => Disposable | undefined = () => undefined,
  ) {
    this.#source = source;
    this.#loaded = loaded;
  }

  /** Undefined while there is none. */
  get object(): KernelObject | undefined {
    return this.#object;
  }

  /** To be exposed on the worker's control port. */
  get calls(): KernelCalls {
    return {
      ...lookupCalls(this.#source.paths.procfs),
      load: async () => {
        await this.#load();
      },
      attach: async () => this.#need().attach(),
      detach: async () => this.#need().detach(),
      unload: async () => this.#free((object) => object.unload()),
      iterate: async (program, cgroup) => this.#iterate(program, cgroup),
      shareRing: async (needs) => this.#lend(needs),
      mapLookup: async (map, key) => this.#map(map).lookup(key),
      mapBatch: async (map, position) => this.#map(map).batch(position),
      mapBatches: async (maps) => maps.map((map) => this.#map(map).batch(undefined)),
      mapUpdate: async (map, key, value) => this.#map(map).update(key, value),
      mapDelete: async (map, key) => this.#map(map).delete(key),
    };
  }

  /** Removes what a hash holds, a few hundred entries at a time. */
  async empty(map: string): Promise<void> {
    let next: Uint8Array | undefined;
    do {
      next = this.#map(map).take(next).next;
      await nextTurn();
    } while (next);
  }

  /** Attaches sampling programs to CPUs that came since, as far as there is an object. */
  followCpus(): void {
    this.#object?.followCpus();
  }

  /** Frees the object; what is pinned goes on. No worker may use the shared ring any more. */
  async release(): Promise<void> {
    // A worker may have died while its object was being loaded.
    await this.#loading?.catch(() => undefined);
    this.#free((object) => object.release());
  }

  async #load(): Promise<KernelObject> {
    this.#loading ??= this.#open();
    try {
      return await this.#loading;
    } catch (error) {
      this.#loading = undefined;
      throw error;
    }
  }

  async #open(): Promise<KernelObject> {
    const { manifest, objectPath, options, pin, sampledEvent, mapEntries, paths } = this.#source;
    const lacking = probeKernel(paths);
    if (lacking) throw lacking;
    const choice = new ProgramChoice(manifest.attachPoints, lacksOf(paths));
    if (choice.error) throw choice.error;
    const bytes = await readFile(objectPath);
    if (manifest.event) checkLayout(manifest.collector, manifest.event, bytes);
    const object = await KernelObject.load({
      ...{ manifest, bytes, options, choice },
      ...(pin && { pin }),
      ...(sampledEvent && { sampledEvent }),
      ...(mapEntries && { mapEntries }),
    });
    using loaded = new DisposableStack();
    // What is pinned is adopted by the next try.
    loaded.defer(() => object.release());
    this.#dependents = this.#loaded(object);
    this.#object = object;
    loaded.move();
    return object;
  }

  #need(): KernelObject {
    if (this.#object) return this.#object;
    throw new HuatuoError('COLLECTOR_INVALID', {
      expected: `the object of ${this.#source.manifest.collector} to be loaded`,
      found: 'it was unloaded',
      remedy: 'call ctx.bpf.load() again',
    });
  }

  #lend(needs: DecoderNeeds): SharedRing {
    const object = this.#need();
    if (!this.#ring?.fits(needs)) {
      this.#ring?.[Symbol.dispose]();
      this.#ring = new MappedRing(this.#fd(object, 'events'), this.#fd(object, 'ledger_commits'), needs);
    }
    this.#module ??= new WebAssembly.Module(readFileSync(this.#wasmPath()));
    const { sharedMemory, mapId } = this.#ring;
    return { ...sharedMemory, mapId, module: this.#module };
  }

  #iterate(program: string, cgroup: string | undefined): Promise<Uint8Array> {
    const object = this.#need();
    const point = object.programs.find((candidate) => candidate.program === program);
    if (point?.state === 'runs' && point.section.startsWith('iter/')) return object.iterate(program, cgroup);
    throw new HuatuoError('COLLECTOR_INVALID', {
      expected: `an iterator called ${program} in bpf/${this.#source.manifest.collector}.bpf.c`,
      found: point?.reason ?? point?.section ?? 'none',
      remedy: 'correct the name, or do without it where the kernel has no such iterator',
    });
  }

  #wasmPath(): string {
    const { wasmPath, manifest } = this.#source;
    if (wasmPath !== undefined) return wasmPath;
    throw new HuatuoError('COLLECTOR_INVALID', {
      expected: `a decoder of ${manifest.collector}`,
      found: 'none beside its object',
      remedy: 'build again: npm run build',
    });
  }

  #map(name: string): MapAccess {
    const object = this.#need();
    const layout = object.manifest.maps.find((map) => map.name === name);
    if (!layout) throw this.#missing(name);
    return new MapAccess(this.#fd(object, name), layout);
  }

  #fd(object: KernelObject, name: string): number {
    const fd = object.mapFd(name);
    if (fd === undefined) throw this.#missing(name);
    return fd;
  }

  #missing(name: string): HuatuoError {
    return new HuatuoError('COLLECTOR_INVALID', {
      expected: `a map called ${name} in bpf/${this.#source.manifest.collector}.bpf.c`,
      found: 'none',
      remedy: 'correct the name, or build again: npm run build',
    });
  }

  #free(how: (object: KernelObject) => void): void {
    // From the last to the first, whatever becomes of one of them.
    using held = new DisposableStack();
    held.adopt(this.#object, (object) => object && how(object));
    held.use(this.#ring);
    held.use(this.#dependents);
    this.#loading = undefined;
    this.#object = undefined;
    this.#ring = undefined;
    this.#dependents = undefined;
    this.#module = undefined;
  }
}

function checkLayout(name: string, layout: EventLayout, bytes: Uint8Array): void {
  const found = objectLayout(bytes, `${name}.bpf.o`);
  if (found?.hash === layout.hash) return;
  throw new HuatuoError('LAYOUT_MISMATCH', {
    expected: `the layout that the decoder of ${name} was built for:\n${describeLayout(layout)}\n`,
    found: found ? `the object's:\n${describeLayout(found)}\n` : 'an object without event struct',
    remedy: 'build object and decoder together: npm run build',
  });
}
