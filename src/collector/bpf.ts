/** `ctx.bpf`: the SDK's view of the collector's own BPF object. */
import { readFileSync } from 'node:fs';
import type { CollectorWorkerData } from '../actor/collector-protocol.ts';
import type { Vitals } from '../actor/vitals.ts';
import { WakeCounter } from '../actor/wake.ts';
import { describeLayout } from '../build/layout.ts';
import type { EventLayout, FieldLayout } from '../build/manifest.ts';
import { objectLayout } from '../build/read-manifest.ts';
import type { ContainersClient } from '../containers/client.ts';
import { HuatuoError } from '../error.ts';
import { Decoder } from '../kernel/decoder.ts';
import { probeAttachPoints } from '../kernel/features.ts';
import { Handles } from '../kernel/handles.ts';
import type { SymbolTable } from '../kernel/kallsyms.ts';
import { PAGE_BYTES } from '../kernel/libc.ts';
import { KernelMap } from '../kernel/maps.ts';
import { KernelObject } from '../kernel/object.ts';
import { MappedRing, ringInfo } from '../kernel/ring.ts';
import type { Bpf, BpfMap, BpfObject, EventRing, Log } from '../sdk/context.ts';
import type { EnrichEvent } from './enrich.ts';
import type { JournalClient } from './journal-client.ts';
import { ringEvents } from './ring-events.ts';
import { RingReader, ringId } from './ring-reader.ts';

/** What the object needs of the worker it runs in. */
export interface BpfSurroundings {
  readonly data: CollectorWorkerData;
  readonly journal: JournalClient;
  readonly vitals: Vitals;
  readonly containers: ContainersClient;
  readonly signal: AbortSignal;
  readonly log: Log;
  readonly enrich: EnrichEvent | undefined;
  /** Called when the object is in the kernel. */
  readonly loaded: () => void;
  /** Called when its programs are attached. */
  readonly attached: () => void;
  /** Kernel symbols, read on first use. */
  readonly symbols: () => SymbolTable;
}

/** @throws from load(): COLLECTOR_INVALID, TRACEPOINT_MISSING, LAYOUT_MISMATCH and what KernelObject.load throws */
export function createBpf(around: BpfSurroundings): Bpf {
  let loading: Promise<LoadedObject> | undefined;
  return {
    // One object however many ask for it, at once or later, until it is unloaded.
    load() {
      loading ??= LoadedObject.load(around, () => {
        loading = undefined;
      });
      return loading;
    },
  };
}

class LoadedObject implements BpfObject {
  readonly #around: BpfSurroundings;
  readonly #object: KernelObject;
  readonly #reader: RingReader | undefined;
  readonly #unloaded: () => void;

  private constructor(around: BpfSurroundings, object: KernelObject, unloaded: () => void) {
    this.#around = around;
    this.#object = object;
    this.#unloaded = unloaded;
    this.#reader = openReader(around, object);
  }

  /** @param unloaded called when the collector has unloaded it: the next load makes another one */
  static async load(around: BpfSurroundings, unloaded: () => void): Promise<LoadedObject> {
    const { data } = around;
    if (!data.bpf) {
      throw new HuatuoError('COLLECTOR_INVALID', {
        expected: `bpf/${data.name}.bpf.c`,
        found: 'a collector without a BPF object',
        remedy: 'add the program, or do not call ctx.bpf.load()',
      });
    }
    const { manifest, objectPath, pinDirectory } = data.bpf;
    const unsupported = probeAttachPoints(manifest.attachPoints, data.paths);
    if (unsupported) throw unsupported;
    const bytes = readFileSync(objectPath);
    if (manifest.event) checkLayout(data.name, manifest.event, bytes);
    const object = KernelObject.load(new Handles(data.handles), {
      manifest,
      bytes,
      options: bpfOptions(data),
      ...(pinDirectory && { pin: { directory: pinDirectory, log: around.log } }),
    });
    around.loaded();
    return new LoadedObject(around, object, unloaded);
  }

  attach(): void {
    this.#object.attach();
    this.#around.attached();
  }

  detach(): void {
    this.#object.detach();
  }

  unload(): void {
    this.#reader?.[Symbol.dispose]();
    this.#object.unload();
    this.#unloaded();
  }

  get events(): EventRing {
    if (!this.#reader) throw missing(this.#around.data.name, 'ring', 'events');
    return ringEvents(this.#reader, this.#around);
  }

  map<Key, Value>(name: string): BpfMap<Key, Value> {
    const layout = this.#object.manifest.maps.find((map) => map.name === name);
    const fd = this.#object.mapFd(name);
    if (!layout || fd === undefined) throw missing(this.#around.data.name, 'map', name);
    return new KernelMap<Key, Value>(fd, layout);
  }
}

function missing(collector: string, what: string, name: string): HuatuoError {
  return new HuatuoError('COLLECTOR_INVALID', {
    expected: `a ${what} called ${name} in bpf/${collector}.bpf.c`,
    found: 'none',
    remedy: 'correct the name, or build again: npm run build',
  });
}

/** Options under their C names, as `.rodata` takes them; the module's own options are not among them. */
function bpfOptions(data: CollectorWorkerData): Record<string, bigint> {
  const values = Object.entries(data.options).filter(([, value]) =>
    ['number', 'bigint', 'boolean'].includes(typeof value),
  );
  const options = Object.fromEntries(values.map(([name, value]) => [name, BigInt(value as number)]));
  return options;
}

function checkLayout(collector: string, layout: EventLayout, bytes: Uint8Array): void {
  const found = objectLayout(bytes, collector);
  if (found?.hash === layout.hash) return;
  throw new HuatuoError('LAYOUT_MISMATCH', {
    expected: `the layout that the decoder of ${collector} was built for:\n${describeLayout(layout)}\n`,
    found: found ? `the object's:\n${describeLayout(found)}\n` : 'an object without event struct',
    remedy: 'build object and decoder together: npm run build',
  });
}

function openReader(around: BpfSurroundings, object: KernelObject): RingReader | undefined {
  const { data } = around;
  const layout = object.manifest.event;
  const ringFd = object.mapFd('events');
  const commitsFd = object.mapFd('ledger_commits');
  if (!layout || ringFd === undefined || commitsFd === undefined || !data.bpf?.wasmPath) return undefined;
  const { ringBytes, mapId } = ringInfo(ringFd);
  const ring = ringId(data.name, mapId);
  const { bootId, hostname, region } = data.agent;
  const decoder = Decoder.create({
    wasm: readFileSync(data.bpf.wasmPath),
    layout,
    ringBytes,
    pageBytes: PAGE_BYTES,
    outputBytes: data.ring.batch_bytes,
    envelope: { idPrefix: `${bootId}-${ring}-`, hostname, region },
    ...(hasStack(layout.fields) && { symbols: around.symbols() }),
  });
  return new RingReader({
    decoder,
    ring: new MappedRing(ringFd, decoder),
    ringId: ring,
    cgroupController: layout.fields.find(({ format }) => format === 'cgroup_id')?.controller,
    commitsFd,
    containers: around.containers,
    maxAge_ms: data.ring.wakeup_age_ms,
    wake: new WakeCounter(data.vitals),
    vitals: around.vitals,
  });
}

/** Only stacks need the kernel's symbols, which are the largest thing in a decoder's memory. */
function hasStack(fields: readonly FieldLayout[]): boolean {
  return fields.some((field) => field.format === 'kstack' || hasStack(field.fields ?? []));
}
