/** `ctx.bpf`: the SDK's view of the collector's own BPF object. */

import type { KernelCalls } from '../actor/kernel-calls.ts';
import { type Remote, wrap } from '../actor/rpc.ts';
import type { ActorStats } from '../actor/stats.ts';
import { WakeCounter } from '../actor/stats.ts';
import type { ContainersClient } from '../containers/client.ts';
import { Decoder, decoderNeeds } from '../decoder/decoder.ts';
import type { SymbolTable } from '../decoder/kallsyms.ts';
import { KernelMap } from '../decoder/maps.ts';
import { HuatuoError } from '../error.ts';
import type { FieldLayout, ObjectManifest } from '../schema/manifest.ts';
import type { Batch, Bpf, BpfMap, BpfObject, EventRing, Log } from '../sdk/context.ts';
import { documentKind } from './context.ts';
import type { EnrichEvent } from './enrich.ts';
import { enrichLines } from './enrich.ts';
import type { JournalClient } from './journal-client.ts';
import type { CollectorWorkerData } from './protocol.ts';
import { Pump } from './pump.ts';
import { RingReader, ringId } from './ring-reader.ts';

/** What the object needs of the worker it runs in. */
export interface BpfSurroundings {
  readonly data: CollectorWorkerData;
  readonly journal: JournalClient;
  readonly vitals: ActorStats;
  readonly containers: ContainersClient;
  readonly signal: AbortSignal;
  readonly log: Log;
  readonly enrich: EnrichEvent | undefined;
  /** Called when its programs are attached. */
  readonly attached: () => void;
  /** Kernel symbols, read on first use. */
  readonly symbols: () => SymbolTable;
}

/** @throws from load(): COLLECTOR_INVALID and what `KernelCalls.load` throws */
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
  readonly #kernel: Remote<KernelCalls>;
  readonly #manifest: ObjectManifest;
  readonly #reader: RingReader | undefined;
  readonly #unloaded: () => void;

  private constructor(
    around: BpfSurroundings,
    manifest: ObjectManifest,
    kernel: Remote<KernelCalls>,
    reader: RingReader | undefined,
    unloaded: () => void,
  ) {
    this.#around = around;
    this.#manifest = manifest;
    this.#kernel = kernel;
    this.#reader = reader;
    this.#unloaded = unloaded;
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
    const { manifest } = data.bpf;
    const kernel = wrap<KernelCalls>(data.control);
    await kernel.load();
    return new LoadedObject(around, manifest, kernel, await openReader(around, kernel), unloaded);
  }

  async attach(): Promise<void> {
    await this.#kernel.attach();
    this.#around.attached();
  }

  async detach(): Promise<void> {
    await this.#kernel.detach();
  }

  async unload(): Promise<void> {
    this.#reader?.[Symbol.dispose]();
    await this.#kernel.unload();
    this.#unloaded();
  }

  get events(): EventRing {
    if (!this.#reader) throw missing(this.#around.data.name, 'ring', 'events');
    return ringEvents(this.#reader, this.#around);
  }

  map<Key, Value>(name: string): BpfMap<Key, Value> {
    const layout = this.#manifest.maps.find((map) => map.name === name);
    if (!layout) throw missing(this.#around.data.name, 'map', name);
    const kernel = this.#kernel;
    return new KernelMap<Key, Value>(layout, {
      lookup: (key) => kernel.mapLookup(name, key),
      batch: (position) => kernel.mapBatch(name, position),
      update: (key, value) => kernel.mapUpdate(name, key, value),
      delete: (key) => kernel.mapDelete(name, key),
    });
  }
}

function missing(collector: string, what: string, name: string): HuatuoError {
  return new HuatuoError('COLLECTOR_INVALID', {
    expected: `a ${what} called ${name} in bpf/${collector}.bpf.c`,
    found: 'none',
    remedy: 'correct the name, or build again: npm run build',
  });
}

async function openReader(
  around: BpfSurroundings,
  kernel: Remote<KernelCalls>,
): Promise<RingReader | undefined> {
  const { data } = around;
  const layout = data.bpf?.manifest.event;
  if (!layout) return undefined;
  const symbols = hasStack(layout.fields) ? around.symbols() : undefined;
  const place = await kernel.lendRing(decoderNeeds(layout, data.ring.batch_bytes, symbols));
  const ring = ringId(data.name, place.mapId);
  const { bootId, hostname, region } = data.agent;
  const decoder = Decoder.create({
    wasm: place.module,
    layout,
    place,
    envelope: { idPrefix: `${bootId}-${ring}-`, hostname, region },
    ...(symbols && { symbols }),
  });
  return new RingReader({
    decoder,
    ringId: ring,
    cgroupController: layout.fields.find(({ format }) => format === 'cgroup_id')?.controller,
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

/** `object.events` of the SDK: the ring as batches, or straight to the journal. */

export function ringEvents(reader: RingReader, around: BpfSurroundings): EventRing {
  const { data, journal, vitals, log, signal, enrich } = around;
  return {
    batches: () => batches(reader, signal),
    async toJournal() {
      const pump = new Pump(reader, journal, vitals, log, {
        tracer: documentKind(data).tracer,
        buffers: data.ring.batches_in_flight,
        bufferBytes: data.ring.batch_bytes,
        ...(enrich ? { enrich: (lines: Uint8Array) => enrichLines(lines, enrich, log) } : {}),
      });
      await pump.run(signal);
    },
  };
}

/** The consumer takes the journal's place: a batch is committed when the next one is asked for. */
async function* batches(reader: RingReader, signal: AbortSignal): AsyncGenerator<Batch> {
  reader.rewind([]);
  const wake = (): void => reader.wake();
  signal.addEventListener('abort', wake);
  try {
    for (;;) {
      const slice = await reader.read();
      if (slice.documents > 0) yield slice;
      if (slice.end > slice.start) reader.commit(slice);
      else if (signal.aborted) return;
      else await reader.wait();
    }
  } finally {
    signal.removeEventListener('abort', wake);
  }
}
