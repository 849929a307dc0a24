/**
 * What a collector leaves to the one that takes its place under another configuration. Where that would load the same BPF object with the
 * same options it gets the one that is attached: no event is missed, and no count begins anew, because a label has changed.
 */
import { boottime_ns } from '../actor/clock.ts';
import { RingWakes } from '../actor/ring-wakes.ts';
import { ActorStats } from '../actor/stats.ts';
import type { CatalogEntry } from '../catalog/entry.ts';
import type { ObjectSource } from '../kernel/object-owner.ts';
import type { RingWatch } from '../kernel/ring-watch.ts';
import type { MappedCollector } from '../map-metrics/map-source.ts';
import type { Log } from '../sdk/context.ts';
import { allocateSeries, type SeriesMemory } from '../sdk/kept-series.ts';
import { Attempts } from './attempts.ts';
import { CollectorObject } from './collector-object.ts';

/** What lives as long as the object: without one, as long as the collector's place in the configuration. */
export interface Belongings {
  readonly attempts: Attempts;
  /** `ActorStats` */
  readonly stats: SharedArrayBuffer;
  /** `RingWakes` */
  readonly wakes: SharedArrayBuffer;
  readonly saveOrigin: string;
  /** Absent for a collector without BPF programs. */
  readonly object?: CollectorObject;
  /** Absent where no map of the object is a metric. */
  readonly mapped?: MappedCollector;
}

export interface Legacy {
  /** What it has counted itself. */
  readonly series: SeriesMemory;
  /** Absent where its object is another one. */
  readonly belongings?: Belongings;
  /** Events that are not in the journal, and were in an object that is not handed on. */
  readonly lost?: bigint;
}

/** Of this agent. */
let made = 0;

/** @param source undefined for a collector without BPF programs */
export function createBelongings(
  { name, manifest, isMapped, maxSeries }: CatalogEntry,
  source: ObjectSource | undefined,
  { log, rings }: { readonly log: Log; readonly rings: RingWatch },
): Belongings {
  const attempts = new Attempts(name, log);
  const wakes = RingWakes.allocate();
  return {
    attempts,
    stats: ActorStats.allocate(),
    wakes,
    saveOrigin: boottime_ns().toString(36),
    ...(source && { object: new CollectorObject(source, { attempts, rings, wakes }) }),
    ...(manifest &&
      isMapped && {
        mapped: { name, id: ++made, maps: manifest.maps, maxSeries, series: allocateSeries() },
      }),
  };
}
