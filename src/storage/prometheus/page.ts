/** One metrics page: families of many owners, checked against each other. `render.ts` writes it down. */
import type { PageFamily } from './family.ts';
import type { Sampled } from './reader.ts';

/** Families of one name, which Prometheus wants together. */
export interface PageEntry {
  readonly first: PageFamily;
  readonly owner: string;
  readonly parts: Sampled[];
}

export class MetricsPage {
  readonly #entries = new Map<string, PageEntry>();
  /** Family names, and the names of a histogram's parts: `x_sum` must not be a gauge beside a histogram `x`. */
  readonly #taken: Set<string>;

  /** @param reserved family names that only `addOwn` may use */
  constructor(reserved: Iterable<string> = []) {
    this.#taken = new Set(reserved);
  }

  /**
   * Adds the families of one owner. A family whose name another owner has is left out and the rest stays. Owners share a family
   * when each series says whose it is in its label `collector`.
   * @returns one clause for each family that was left out
   */
  add(owner: string, families: readonly Sampled[]): string[] {
    return families.flatMap((sampled) => this.#addOne(owner, sampled) ?? []);
  }

  /** Adds families the caller has made itself, under names it has reserved. */
  addOwn(families: readonly Sampled[]): void {
    for (const sampled of families)
      this.#entries.set(sampled.family.text.name, { first: sampled.family, owner: '', parts: [sampled] });
  }

  /** Sorted by name. */
  get entries(): readonly PageEntry[] {
    return [...this.#entries].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, entry]) => entry);
  }

  #addOne(owner: string, sampled: Sampled): string | undefined {
    const { family } = sampled;
    const { name } = family.text;
    const known = this.#entries.get(name);
    if (known && known.owner !== owner && canShare(known, owner, family)) {
      known.parts.push(sampled);
      return undefined;
    }
    const names = claimedNames(family);
    if (names.some((claimed) => this.#taken.has(claimed))) return `${name} is already on the page`;
    for (const claimed of names) this.#taken.add(claimed);
    this.#entries.set(name, { first: family, owner, parts: [sampled] });
    return undefined;
  }
}

function canShare(known: PageEntry, owner: string, family: PageFamily): boolean {
  return known.first.shape === family.shape && known.first.isMarked(known.owner) && family.isMarked(owner);
}

function claimedNames({ text: { name, type } }: PageFamily): string[] {
  return type === 'histogram' ? [name, `${name}_bucket`, `${name}_sum`, `${name}_count`] : [name];
}
