/** What the sources say of containers, the most trusted one first, and which cgroups are a container's by their word alone. */

import { recognise } from './recognise/path.ts';
import type { ContainerDetails } from './sources/source.ts';

interface NewDescriptions {
  /** Containers and pods of which something else is said than before. */
  readonly changed: readonly Described[];
  /** Cgroups that have become a container's. */
  readonly adopted: readonly string[];
}

/** What a description is of. */
type Described = Pick<ContainerDetails, 'id' | 'of'>;

export class Descriptions {
  /** Also of containers that have not been seen yet. */
  readonly #bySource: Map<string, ReadonlyMap<string, ContainerDetails>>;
  #adopted: ReadonlyMap<string, ContainerDetails> = new Map();

  /** @param sources who may tell, in order of trust */
  constructor(sources: readonly string[]) {
    this.#bySource = new Map(sources.map((source) => [source, new Map()]));
  }

  /** What each source says of one container and, behind that, of its pod; what the first one says counts. */
  of(id: string, podUid: string | undefined): readonly ContainerDetails[] {
    const keys = [keyOf({ id }), ...(podUid === undefined ? [] : [keyOf({ id: podUid, of: 'pod' })])];
    return [...this.#bySource.values()].flatMap((details) => keys.flatMap((key) => details.get(key) ?? []));
  }

  /** What one source knows now, in place of what it knew before. */
  replace(source: string, details: readonly ContainerDetails[]): NewDescriptions {
    const before = this.#bySource.get(source);
    const now = new Map(details.map((one) => [keyOf(one), one]));
    this.#bySource.set(source, now);
    const changed = [...new Map([...(before ?? []), ...now])].flatMap(([key, one]) =>
      JSON.stringify(before?.get(key)) === JSON.stringify(now.get(key)) ? [] : [one],
    );
    const adoptedBefore = this.#adopted;
    this.#adopted = this.#adoptions();
    const adopted = [...this.#adopted].flatMap(([path, { id }]) =>
      adoptedBefore.get(path)?.id === id ? [] : [path],
    );
    return { changed, adopted };
  }

  /** The innermost container that a source says this cgroup is in, and that one's own cgroup. */
  adopter(path: string): { readonly container: ContainerDetails; readonly path: string } | undefined {
    for (let end = path.length; this.#adopted.size > 0 && end > 0; end = path.lastIndexOf('/', end - 1)) {
      const prefix = path.slice(0, end);
      const container = this.#adopted.get(prefix);
      if (container) return { container, path: prefix };
    }
    return undefined;
  }

  /** Of two that claim a path the more trusted one has it, of one source the one it names first. */
  #adoptions(): Map<string, ContainerDetails> {
    const adoptions = new Map<string, ContainerDetails>();
    for (const details of this.#bySource.values()) {
      for (const one of details.values()) {
        for (const path of one.cgroupPaths ?? [])
          if (!adoptions.has(path) && recognise(path)?.kind !== 'container') adoptions.set(path, one);
      }
    }
    return adoptions;
  }
}

function keyOf({ id, of }: Described): string {
  return `${of ?? 'container'} ${id}`;
}
