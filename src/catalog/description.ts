/**
 * What a module says about its collector, as plain data. Made where the module runs (workers/describe.ts), so this file is
 * all that thread loads of the catalog.
 */
import type { About } from '../sdk/about.ts';
import type { CollectorKind } from '../sdk/collector.ts';
import type { DocumentFields } from '../sdk/document.ts';
import type { HostNeed } from '../sdk/host-need.ts';
import type { MetricSpecs } from '../sdk/metrics.ts';
import type { OptionSpecs } from '../sdk/options.ts';

const HOOKS = ['start', 'prepare', 'enrich', 'update', 'sample', 'trigger', 'capture'] as const;
type Hook = (typeof HOOKS)[number];

export interface CollectorDescription {
  readonly kind: CollectorKind;
  readonly doc: string;
  readonly about?: About | undefined;
  readonly needs?: HostNeed | undefined;
  readonly enabledByDefault?: boolean | undefined;
  readonly options?: OptionSpecs | undefined;
  readonly metrics?: MetricSpecs | undefined;
  readonly document?: DocumentFields | undefined;
  readonly maxSeries?: number | undefined;
  /** Seconds. */
  readonly interval?: number | undefined;
  readonly hooks: Readonly<Partial<Record<Hook, 'function'>>>;
}

/** Of `StoredDescription`; another one is made again. To be raised when its shape changes. */
export const DESCRIPTION_FORMAT = 2;

/** `<name>.description.json`, which the build leaves beside a module when it has checked what that says. */
export interface StoredDescription {
  readonly format: number;
  /** `moduleContents` of the module it was made from: when that is another one, it is out of date. */
  readonly contents: string;
  readonly description: CollectorDescription;
}

/** What the thread that imports a module answers; what the module exports by default, as JSON. */
export type Described =
  | { readonly type: 'described'; readonly json: string }
  | { readonly type: 'failed'; readonly reason: string };

const DESCRIBED = [
  'kind',
  'doc',
  'about',
  'needs',
  'enabledByDefault',
  'options',
  'metrics',
  'document',
  'maxSeries',
  'interval',
] as const;

/** More is no description. */
const MAX_JSON = 1 << 20;

/**
 * Turns a default export into text. Nothing is checked but its size; `undefined` and functions become what they are called.
 * @throws Error when it cannot be printed
 */
export function describeExport(exported: unknown): string {
  if (typeof exported !== 'object' || exported === null) return 'null';
  const fields = exported as Record<string, unknown>;
  const hooks = HOOKS.filter((hook) => fields[hook] !== undefined).map((hook) => [
    hook,
    kindOf(fields[hook]),
  ]);
  const described = Object.fromEntries(DESCRIBED.map((field) => [field, fields[field]]));
  const json = JSON.stringify({ ...described, hooks: Object.fromEntries(hooks) });
  if (json.length > MAX_JSON) throw new Error(`its description has ${json.length} characters`);
  return json;
}

/** A sample is an object around its function. */
function kindOf(hook: unknown): string {
  const take: unknown = typeof hook === 'object' && hook !== null && 'take' in hook ? hook.take : hook;
  return typeof take;
}
