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
    return [...this.#entries.keys()].sort().map((name) => this.#entries.get(name) as PageEntry);
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

/** What one owner wants on a page. */
interface PagePart {
  readonly owner: string;
  readonly families: readonly Sampled[];
}

/** The newest page: for as long as all have the same families it is the same one, with other values. */
export class KeptPage {
  #reserved: readonly string[] = [];
  #parts: readonly PagePart[] = [];
  #refused: readonly (readonly string[])[] = [];
  #page = new MetricsPage();
  #own: readonly Sampled[] | undefined;
  #entries: readonly PageEntry[] = [];

  /**
   * @param reserved as for a page
   * @param parts in the order in which they take names
   * @returns what `MetricsPage.add` says of each part
   */
  use(reserved: readonly string[], parts: readonly PagePart[]): readonly (readonly string[])[] {
    if (isEqual(reserved, this.#reserved) && isEqual(parts, this.#parts, isSamePart)) return this.#refused;
    this.#reserved = reserved;
    this.#parts = parts;
    this.#page = new MetricsPage(reserved);
    this.#own = undefined;
    this.#refused = parts.map(({ owner, families }) => this.#page.add(owner, families));
    return this.#refused;
  }

  /** All of it, sorted by name. @param own families under reserved names */
  entries(own: readonly Sampled[]): readonly PageEntry[] {
    if (own === this.#own) return this.#entries;
    this.#own = own;
    this.#page.addOwn(own);
    this.#entries = this.#page.entries;
    return this.#entries;
  }
}

function isSamePart(a: PagePart, b: PagePart | undefined): boolean {
  return a.owner === b?.owner && a.families === b.families;
}

function isEqual<T>(
  some: readonly T[],
  others: readonly T[],
  isSame: (one: T, other: T | undefined) => boolean = (one, other) => one === other,
): boolean {
  return some.length === others.length && some.every((one, index) => isSame(one, others[index]));
}

function canShare(known: PageEntry, owner: string, family: PageFamily): boolean {
  return known.first.shape === family.shape && known.first.isMarked(known.owner) && family.isMarked(owner);
}

function claimedNames({ text: { name, type } }: PageFamily): string[] {
  return type === 'histogram' ? [name, `${name}_bucket`, `${name}_sum`, `${name}_count`] : [name];
}
