/** The collectors that have an actor: which there are, with what part of the configuration each runs, and how they are replaced. */
import type { Catalog } from '../catalog/catalog.ts';
import type { CatalogEntry } from '../catalog/entry.ts';
import type { EffectiveConfig } from '../config/effective.ts';
import { HuatuoError } from '../error.ts';
import type { Log } from '../sdk/context.ts';
import type { SeriesMemory } from '../sdk/kept-series.ts';
import { collectorPart } from './changes.ts';
import type { AttachedObject, CollectorChild } from './child.ts';

/** Events that an agent which has stopped did not bring into the journal, by collector. */
export interface Leftovers {
  /** In pinned rings, for the next agent. */
  readonly waiting: Record<string, number>;
  readonly lost: Record<string, number>;
}

/** What of the configuration in force says which collectors there are. */
export interface Wanted {
  readonly config: EffectiveConfig;
  readonly catalog: Catalog;
}

type CreateChild = (entry: CatalogEntry, series: SeriesMemory | undefined) => CollectorChild;

interface Running {
  readonly child: CollectorChild;
  readonly part: string;
}

export class Collectors {
  readonly #create: CreateChild;
  readonly #log: Log;
  readonly #running = new Map<string, Running>();

  /** @param create makes the child of a collector, which goes on counting in the series of the one before */
  constructor(create: CreateChild, log: Log) {
    this.#create = create;
    this.#log = log;
  }

  get children(): CollectorChild[] {
    return Array.from(this.#running.values(), ({ child }) => child);
  }

  get names(): string[] {
    return [...this.#running.keys()];
  }

  /** @throws COLLECTOR_STARTING, WORKER_EXITED */
  attached(name: string): AttachedObject {
    const object = this.#running.get(name)?.child.attached?.();
    if (object) return object;
    throw new HuatuoError('WORKER_EXITED', {
      expected: `collector ${name} with programs`,
      found: 'none',
      remedy: 'it was removed from the configuration; ask again',
    });
  }

  /**
   * Drains and stops those that are to run otherwise, or not at all.
   * @param stopping the agent stops: those that are left then are not touched
   * @returns their names, with what each leaves to the one that takes its place
   */
  async stopChanged(
    { config, catalog }: Wanted,
    stopping?: AbortSignal,
  ): Promise<Map<string, SeriesMemory | undefined>> {
    const stopped = new Map<string, SeriesMemory | undefined>();
    for (const [name, { child, part }] of [...this.#running]) {
      const entry = catalog.find(name);
      if (entry && collectorPart(config, entry) === part) continue;
      stopping?.throwIfAborted();
      await this.#stop(child);
      this.#running.delete(name);
      const isSame = entry?.contents === child.entry.contents;
      stopped.set(name, isSame ? child.leaveSeries?.() : undefined);
    }
    return stopped;
  }

  /**
   * Starts those that are wanted and do not run.
   * @param left what those before them have left
   * @returns their names
   */
  start(
    { config, catalog }: Wanted,
    left: ReadonlyMap<string, SeriesMemory | undefined> = new Map(),
  ): string[] {
    return catalog.entries.flatMap((entry) => {
      const { name } = entry;
      const part = collectorPart(config, entry);
      if (part === undefined || this.#running.has(name)) return [];
      const child = this.#create(entry, left.get(name));
      this.#running.set(name, { child, part });
      child.start();
      return [name];
    });
  }

  /** Settles when they work, or have shown that they do not. */
  async settled(names: readonly string[]): Promise<void> {
    await Promise.allSettled(names.map((name) => this.#running.get(name)?.child.settled));
  }

  /** Drains all of them, side by side. They are still there afterwards, for a page that is made meanwhile. */
  async stopAll(): Promise<Leftovers> {
    const left: Leftovers = { waiting: {}, lost: {} };
    await Promise.all(
      this.children.map(async (child) => {
        // To be asked before the stop, which lets go of them.
        const { isPinned } = child;
        const events = await this.#stop(child, true);
        if (events > 0n) left[isPinned ? 'waiting' : 'lost'][child.entry.name] = Number(events);
      }),
    );
    return left;
  }

  /** What keeps one from being stopped must not keep the others, or the services, from it. */
  async #stop(child: CollectorChild, leavePinned = false): Promise<bigint> {
    try {
      return await child.stop({ leavePinned });
    } catch (error) {
      this.#log.error(`${child.entry.name} was not stopped in good order`, { error });
      return 0n;
    }
  }
}
