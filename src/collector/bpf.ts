/** `ctx.bpf`: the SDK's view of the collector's own BPF object. */

import type { KernelCalls } from '../actor/kernel-calls.ts';
import { RingWakes } from '../actor/ring-wakes.ts';
import { type Remote, wrap } from '../actor/rpc.ts';
import type { ActorStats } from '../actor/stats.ts';
import type { ContainersClient } from '../containers/client.ts';
import { Decoder, decoderNeeds } from '../decoder/decoder.ts';
import { KernelMap, type MapBatch } from '../decoder/maps.ts';
import { HuatuoError } from '../error.ts';
import type { ObjectManifest } from '../schema/manifest.ts';
import type { Batch, Bpf, BpfObject, EventRing, FoldedStack, Log } from '../sdk/context.ts';
import { documentKind } from './context.ts';
import { CriticalLog } from './critical-log.ts';
import type { EnrichEvent } from './enrich.ts';
import { enrichLines } from './enrich.ts';
import type { JournalClient } from './journal-client.ts';
import { Lookups } from './lookups.ts';
import type { CollectorWorkerData } from './protocol.ts';
import { Pump } from './pump.ts';
import { RingReader, ringId } from './ring-reader.ts';
import { type CountedStack, type StackCount, StackFolder } from './stack-folder.ts';

/** What the object needs of the worker it runs in. */
interface BpfDependencies {
  readonly data: CollectorWorkerData;
  readonly journal: JournalClient;
  readonly stats: ActorStats;
  readonly containers: ContainersClient;
  readonly signal: AbortSignal;
  readonly log: Log;
  readonly enrich: EnrichEvent | undefined;
  /** Called when its programs are attached. */
  readonly attached: () => void;
}

/** `ctx.bpf`, and what a stop and a scrape need of it. */
export interface OwnBpf extends Bpf {
  /** What `load` has made; undefined when it was not called, or the object is unloaded. */
  readonly loaded: Promise<LoadedObject> | undefined;
  /** Detaches the object when there is one, for good: a stop loads nothing, and attaches nothing from then on. */
  detach(): Promise<void>;
}

/** PACKET_FILTER_MAX of bpf/include/packet_filter.h. */
const FILTER_INSTRUCTIONS = 256;

/** @throws from load(): COLLECTOR_INVALID and what `KernelCalls.load` throws */
export function createBpf(dependencies: BpfDependencies): OwnBpf {
  let loading: Promise<LoadedObject> | undefined;
  let isStopped = false;
  const kernel = (): Remote<KernelCalls> => wrap<KernelCalls>(dependencies.data.control);
  return {
    get loaded() {
      return loading;
    },
    async detach() {
      isStopped = true;
      // One that could not be loaded has nothing attached.
      const object = await loading?.catch(() => undefined);
      await object?.detach();
    },
    kernelEnum: (names) => kernel().kernelEnum(names),
    async packetFilter(expression) {
      const program = await kernel().compilePacketFilter(expression);
      const room = Array.from(
        { length: FILTER_INSTRUCTIONS },
        (_, at) => `0x${(program[at] ?? 0n).toString(16)}`,
      );
      return { length: program.length, instructions: room };
    },
    // One object however many ask for it, at once or later, until it is unloaded.
    load() {
      loading ??= LoadedObject.load(
        dependencies,
        () => {
          loading = undefined;
        },
        () => isStopped,
      );
      return loading;
    },
  };
}

class LoadedObject implements BpfObject {
  readonly #dependencies: BpfDependencies;
  readonly #kernel: Remote<KernelCalls>;
  readonly #manifest: ObjectManifest;
  readonly #reader: RingReader | undefined;
  readonly #unloaded: () => void;
  readonly #isStopped: () => boolean;
  #folder: StackFolder | undefined;

  private constructor(
    dependencies: BpfDependencies,
    manifest: ObjectManifest,
    kernel: Remote<KernelCalls>,
    reader: RingReader | undefined,
    unloaded: () => void,
    isStopped: () => boolean,
  ) {
    this.#dependencies = dependencies;
    this.#manifest = manifest;
    this.#kernel = kernel;
    this.#reader = reader;
    this.#unloaded = unloaded;
    this.#isStopped = isStopped;
  }

  /**
   * @param unloaded called when the collector has unloaded it: the next load makes another one
   * @param isStopped whether a stop has detached it, for good
   */
  static async load(
    dependencies: BpfDependencies,
    unloaded: () => void,
    isStopped: () => boolean,
  ): Promise<LoadedObject> {
    const { data } = dependencies;
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
    const reader = await openReader(dependencies, kernel);
    return new LoadedObject(dependencies, manifest, kernel, reader, unloaded, isStopped);
  }

  async attach(): Promise<void> {
    // A stop that came while the collector began: what was in its ring before is drained, and nothing new comes.
    if (!this.#isStopped()) await this.#kernel.attach();
    this.#dependencies.attached();
  }

  async detach(): Promise<void> {
    await this.#kernel.detach();
  }

  async unload(): Promise<void> {
    this.#reader?.[Symbol.dispose]();
    await this.#kernel.unload();
    this.#unloaded();
  }

  iterate(program: string, cgroup?: string): Promise<Uint8Array> {
    return this.#kernel.iterate(program, cgroup);
  }

  get events(): EventRing {
    if (!this.#reader) throw missing(this.#dependencies.data.name, 'ring', 'events');
    return ringEvents(this.#reader, this.#dependencies);
  }

  map(name: string): KernelMap<unknown, unknown> {
    return this.#map(name);
  }

  /** Maps as they are at one moment: what does not fit into their first batch is read when it is asked for. */
  async read(names: readonly string[]): Promise<readonly KernelMap<unknown, unknown>[]> {
    const batches = await this.#kernel.mapBatches(names);
    return names.map((name, index) => this.#map(name, batches[index]));
  }

  #map(name: string, first?: MapBatch): KernelMap<unknown, unknown> {
    const layout = this.#manifest.maps.find((map) => map.name === name);
    if (!layout) throw missing(this.#dependencies.data.name, 'map', name);
    const kernel = this.#kernel;
    const calls = {
      lookup: (key: Uint8Array) => kernel.mapLookup(name, key),
      batch: (position: Uint8Array | undefined) => kernel.mapBatch(name, position),
      update: (key: Uint8Array, value: Uint8Array) => kernel.mapUpdate(name, key, value),
      delete: (key: Uint8Array) => kernel.mapDelete(name, key),
    };
    return new KernelMap<unknown, unknown>(layout, calls, this.#dependencies.containers, first);
  }

  async stacks(name: string): Promise<readonly FoldedStack[]> {
    const { data } = this.#dependencies;
    const map = this.map(name);
    if (!map.layout.stacks) throw missing(data.name, 'map of STACK_COUNTS()', name);
    this.#folder ??= new StackFolder(this.#kernel, data.paths.procfs);
    return this.#folder.fold(map as KernelMap<CountedStack, StackCount>);
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
  dependencies: BpfDependencies,
  kernel: Remote<KernelCalls>,
): Promise<RingReader | undefined> {
  const { data } = dependencies;
  const layout = data.bpf?.manifest.event;
  if (!layout) return undefined;
  const sharedMemory = await kernel.shareRing(decoderNeeds(layout, data.ring.batch_bytes));
  const ring = ringId(data.name, sharedMemory.mapId);
  const { bootId, hostname, region } = data.agent;
  const decoder = Decoder.create({
    wasm: sharedMemory.module,
    layout,
    sharedMemory,
    envelope: { idPrefix: `${bootId}-${ring}-`, hostname, region },
  });
  return new RingReader({
    decoder,
    ringId: ring,
    lookups: new Lookups(decoder, { containers: dependencies.containers, kernel, paths: data.paths }),
    maxAge_ms: data.ring.wakeup_age_ms,
    wakes: new RingWakes(data.wakes),
    stats: dependencies.stats,
  });
}

function ringEvents(reader: RingReader, dependencies: BpfDependencies): EventRing {
  const { data, journal, stats, log, signal, enrich } = dependencies;
  return {
    batches: () => batches(reader, signal),
    async toJournal() {
      const { tracer, severity } = documentKind(data);
      const critical = new CriticalLog(log, data.bpf?.manifest.event?.doc ?? data.name);
      const pump = new Pump(reader, journal, stats, log, {
        tracer,
        buffers: data.ring.batches_in_flight,
        bufferBytes: data.ring.batch_bytes,
        ...(enrich && {
          enrich: (lines: Uint8Array, limit_bytes: number) =>
            enrichLines(lines, { enrich, log, limit_bytes, failed: () => stats.add('unenriched', 1) }),
        }),
        ...(severity === 'critical' && {
          announce: (lines: readonly Uint8Array[], documents: number) => critical.say(lines, documents),
        }),
      });
      await pump.run(signal);
    },
  };
}

/** The consumer takes the journal's place: a batch is committed when the next one is asked for. */
async function* batches(reader: RingReader, signal: AbortSignal): AsyncGenerator<Batch> {
  reader.rewind([]);
  const call = (): void => reader.call();
  signal.addEventListener('abort', call);
  try {
    for (;;) {
      const slice = await reader.read();
      let committed = false;
      const commit = (): void => {
        if (!committed) reader.commit(slice);
        committed = true;
      };
      if (slice.documents > 0) yield { lines: slice.lines, documents: slice.documents, commit };
      if (slice.end > slice.start) commit();
      else if (signal.aborted) return;
      else await reader.wait();
    }
  } finally {
    signal.removeEventListener('abort', call);
  }
}
