/** The collectors that have an actor: which there are, with what part of the configuration each runs, and how they are replaced. */
import type { Catalog } from '../catalog/catalog.ts';
import type { CatalogEntry } from '../catalog/entry.ts';
import type { EffectiveConfig } from '../config/effective.ts';
import { HuatuoError } from '../error.ts';
import type { ObjectSource } from '../kernel/object-owner.ts';
import type { Log } from '../sdk/context.ts';
import { collectorPart } from './changes.ts';
import type { AttachedObject, CollectorChild } from './child.ts';
import type { Legacy } from './legacy.ts';

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

/** What the agent around them gives. */
export interface CollectorMaker {
  create(entry: CatalogEntry, legacy: Legacy | undefined): CollectorChild;
  /** Of the configuration that comes into force; undefined for a collector without BPF programs. */
  source(entry: CatalogEntry): ObjectSource | undefined;
}

interface Running {
  readonly child: CollectorChild;
  readonly part: string;
}

export class Collectors {
  readonly #maker: CollectorMaker;
  readonly #log: Log;
  readonly #running = new Map<string, Running>();

  constructor(maker: CollectorMaker, log: Log) {
    this.#maker = maker;
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
   * @returns their names, with what each leaves to the one that takes its place, and only that drains it
   */
  async stopChanged(
    { config, catalog }: Wanted,
    stopping?: AbortSignal,
  ): Promise<Map<string, Legacy | undefined>> {
    const stopped = new Map<string, Legacy | undefined>();
    for (const [name, { child, part }] of [...this.#running]) {
      const entry = catalog.find(name);
      const next = entry && collectorPart(config, entry);
      if (next === part) continue;
      if (stopping?.aborted) break;
      const isSame = entry && next !== undefined && entry.contents === child.entry.contents;
      stopped.set(name, isSame ? await this.#leave(child, entry) : undefined);
      if (!isSame) this.#tellLost(child, await this.#stop(child));
      this.#running.delete(name);
    }
    return stopped;
  }

  /**
   * Starts those that are wanted and do not run.
   * @param left what those before them have left
   * @returns their names
   */
  start({ config, catalog }: Wanted, left: ReadonlyMap<string, Legacy | undefined> = new Map()): string[] {
    return catalog.entries.flatMap((entry) => {
      const { name } = entry;
      const part = collectorPart(config, entry);
      if (part === undefined || this.#running.has(name)) return [];
      const child = this.#maker.create(entry, left.get(name));
      this.#running.set(name, { child, part });
      child.start();
      return [name];
    });
  }

  /** Settles when they work, or have shown that they do not. */
  async settled(names: readonly string[]): Promise<void> {
    await Promise.allSettled(names.map((name) => this.#running.get(name)?.child.settled));
  }

  /** @returns those that cannot run here, and why */
  unsupported(names: readonly string[]): { readonly name: string; readonly reason: string }[] {
    return names.flatMap((name) => {
      const { state, reason } = this.#running.get(name)?.child.status() ?? {};
      return state === 'unsupported' && reason ? [{ name, reason: reason.message }] : [];
    });
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

  async #leave(child: CollectorChild, next: CatalogEntry): Promise<Legacy | undefined> {
    try {
      const legacy = await child.leave?.(this.#maker.source(next));
      this.#tellLost(child, legacy ? (legacy.lost ?? 0n) : await child.stop());
      return legacy;
    } catch (error) {
      this.#told(child, error);
    }
    return undefined;
  }

  /** What keeps one from being stopped must not keep the others, or the services, from it. */
  async #stop(child: CollectorChild, leavePinned = false): Promise<bigint> {
    try {
      return await child.stop({ leavePinned });
    } catch (error) {
      this.#told(child, error);
      return 0n;
    }
  }

  /** Its counters go with it: nothing else tells. */
  #tellLost({ entry: { name } }: CollectorChild, events: bigint): void {
    if (events === 0n) return;
    const lost = events === 1n ? '1 event' : `${events} events`;
    this.#log.error(`${lost} of ${name} lost, which it had not saved when it was replaced or stopped`, {
      lost: { [name]: Number(events) },
    });
  }

  #told({ entry }: CollectorChild, error: unknown): void {
    this.#log.error(`${entry.name} was not stopped in good order`, { error });
  }
}
