import type { HuatuoError } from '../error.ts';
import type { ObjectManifest } from '../schema/manifest.ts';
import type { CollectorKind } from '../sdk/collector.ts';
import type { HostNeed } from '../sdk/host-need.ts';
import type { OptionSpecs } from '../sdk/options.ts';

export interface CatalogEntry {
  /** [a-z][a-z0-9_]{0,47} */
  readonly name: string;
  readonly kind: CollectorKind;
  /** One sentence: what an SRE learns from it. */
  readonly doc: string;
  /** `bpf` has a manifest and an object, and a worker of its own. */
  readonly source: 'bpf' | 'files';
  /** An autotracer that declares sample, trigger and capture, which the framework calls; others have the loop themselves. */
  readonly isDeclared?: true;
  /** Maps of its object are metrics, and have few enough entries to be read by the thread that makes the page. */
  readonly isMapped?: true;
  /** Its own thread has metrics, too: those it counts itself, and what it does at a scrape. */
  readonly isScraped?: true;
  /** Its thread has nothing to do before the first record: that starts it. */
  readonly startsWithRecord?: true;
  readonly needs?: HostNeed;
  readonly enabledByDefault: boolean;
  /** Absolute path of the module; its default export has been checked. Absent when the object alone is the collector. */
  readonly modulePath?: string;
  readonly manifest?: ObjectManifest;
  readonly objectPath?: string;
  /** Decoder of the event struct; present when the manifest has an event. */
  readonly wasmPath?: string;
  /** Keys of the collector's config section beside `enabled` and `cpu`; every one has a default. */
  readonly options: OptionSpecs;
  /** Seconds until `start` is called again after it returned. */
  readonly interval: number;
  /** Upper bound of label sets over all its metrics. */
  readonly maxSeries: number;
  readonly aliases: readonly string[];
  /** Changes with the contents of its files: the same names with other contents are another collector. */
  readonly contents: string;
}

/** A collector that cannot be used, whatever the configuration says. */
export interface BrokenCollector {
  /** As its file says; may break the rules for names. */
  readonly name: string;
  /** COLLECTOR_INVALID */
  readonly error: HuatuoError;
}

/** True for metrics of files: they run as tasks on the pool and have no worker of their own. */
export function isPooled({ source, kind }: CatalogEntry): boolean {
  return source === 'files' && kind === 'metric';
}

/** True for autotracers that look by tasks on the pool, and have a worker while they capture. */
export function looksOnPool({ source, isDeclared }: CatalogEntry): boolean {
  return source === 'files' && isDeclared === true;
}
