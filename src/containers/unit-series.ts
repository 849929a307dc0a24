/** Which systemd units have series of their own: by name, and not more than there is room for. */
import { nameFilter } from '../sdk/name-filter.ts';
import type { Entity, Ownership } from './entity.ts';
import { podOf } from './recognise/pod.ts';

/** `containers.units` of the configuration. */
export interface UnitsConfig {
  /** Off: documents name units, and no unit has series. */
  readonly enabled: boolean;
  /** Patterns of whole names. */
  readonly include: string;
  readonly exclude: string;
  readonly max: number;
}

const NONE: UnitsConfig = { enabled: false, include: '', exclude: '', max: 0 };

export class UnitSeries {
  readonly #enabled: boolean;
  readonly #isWanted: (name: string) => boolean;
  readonly #max: number;
  #count = 0;
  #refused = 0;

  constructor(config: UnitsConfig = NONE) {
    this.#enabled = config.enabled;
    this.#isWanted = nameFilter(config);
    this.#max = config.max;
  }

  /** Running units that have series. */
  get count(): number {
    return this.#count;
  }

  /** Starts of units that were to have series and for which there was no room. */
  get refused(): number {
    return this.#refused;
  }

  /**
   * Decides once for each start of a unit, whether there will be room later or not: its counts then begin with it.
   * @returns true for a container; slices of pods are none, their containers are
   */
  admit(ownership: Ownership): boolean {
    if (ownership.kind === 'container') return true;
    const { name, path } = ownership;
    if (!this.#enabled || podOf(path).qos !== 'unknown' || !this.#isWanted(name)) return false;
    if (this.#count >= this.#max) {
      this.#refused++;
      return false;
    }
    this.#count++;
    return true;
  }

  /** One that was admitted, and has no cgroup any more. */
  ended({ ownership, hasSeries }: Pick<Entity, 'ownership' | 'hasSeries'>): void {
    if (hasSeries && ownership.kind === 'unit') this.#count--;
  }
}
