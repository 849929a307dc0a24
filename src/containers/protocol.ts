/**
 * What the thread `containers` and those that ask it say to each other, on one MessagePort each.
 *
 *   reader ── resolve ──► containers        only for a cgroup id that the reader has never met
 *          ◄─ resolved ──
 *          ◄─ changed ───                   all containers at first, then what is new, described, gone
 */
import type { Container, Owner, Unit } from '../sdk/container.ts';

/** Reader → containers. */
export interface ResolveRequest {
  readonly type: 'resolve';
  /** Rises by one; the answer names it. */
  readonly id: number;
  readonly cgroupId: bigint;
  /** Whose hierarchy the id is from. */
  readonly controller?: string;
}

/** Containers → reader. */
export type FromContainers =
  | { readonly type: 'resolved'; readonly id: number; readonly owner: Owner }
  | {
      readonly type: 'changed';
      readonly upserts: readonly Container[];
      /** Those with series. */
      readonly units: readonly Unit[];
      /** Ids of containers and units that are gone: out of the list, still resolvable. */
      readonly removed: readonly string[];
      /** Some cgroup has another owner than was told: everything that was resolved must be asked again. */
      readonly reassigned: boolean;
    };
