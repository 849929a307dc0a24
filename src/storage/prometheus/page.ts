/**
 * One metrics page: families of many owners, checked against each other and rendered by prom-client.
 *
 * The format is text 0.0.4 for good: prom-client 15.1.3 corrupts counter names for every later page once it has
 * rendered OpenMetrics.
 */
import { type Metric, Registry } from 'prom-client';
import type { MetricFamily, Sample } from '../../sdk/metrics.ts';
import { familyFault, labelNames } from './family.ts';

/** Existing HuaTuo dashboards select by these labels; what is new leaves naming the target to Prometheus. */
export interface PageLabels {
  readonly region: string;
  readonly host: string;
}

const UPSTREAM_PREFIX = 'huatuo_bamai_';

interface Entry {
  readonly family: MetricFamily;
  readonly owner: string;
  readonly samples: Sample[];
}

export class MetricsPage {
  readonly #labels: PageLabels;
  readonly #entries = new Map<string, Entry>();
  /** Family names, and the names of a histogram's parts: `x_sum` must not be a gauge beside a histogram `x`. */
  readonly #taken: Set<string>;

  /** @param reserved family names that only `addOwn` may use */
  constructor(labels: PageLabels, reserved: Iterable<string> = []) {
    this.#labels = labels;
    this.#taken = new Set(reserved);
  }

  /**
   * Adds the families of one owner. A family that is malformed, or whose name another owner has, is left out and the
   * rest stays. Owners share a family when each sample says whose it is in its label `collector`.
   * @returns one clause for each family that was left out
   */
  add(owner: string, families: readonly MetricFamily[]): string[] {
    if (!Array.isArray(families)) return ['the answer is not a list of families'];
    return families.flatMap((family) => this.#addOne(owner, family) ?? []);
  }

  /** Adds families the caller has made itself, under names it has reserved. */
  addOwn(families: readonly MetricFamily[]): void {
    for (const family of families)
      this.#entries.set(family.name, { family, owner: '', samples: [...family.samples] });
  }

  /**
   * @param others metrics that render themselves, e.g. prom-client's own of the process; their names must be reserved
   * @returns the page in text format 0.0.4, families sorted by name
   */
  async render(others: readonly Metric[] = []): Promise<string> {
    const registry = new Registry();
    for (const metric of others) registry.registerMetric(metric);
    const entries = [...this.#entries.values()].sort((a, b) => (a.family.name < b.family.name ? -1 : 1));
    for (const entry of entries) registry.registerMetric(this.#renderable(entry));
    return registry.metrics();
  }

  #addOne(owner: string, family: MetricFamily): string | undefined {
    const fault = familyFault(family);
    if (fault) return `${printable(family)} ${fault}`;
    const known = this.#entries.get(family.name);
    if (known && known.owner !== owner && canShare(known, owner, family)) {
      known.samples.push(...family.samples);
      return undefined;
    }
    const names = claimedNames(family);
    if (names.some((name) => this.#taken.has(name))) return `${family.name} is already on the page`;
    for (const name of names) this.#taken.add(name);
    this.#entries.set(family.name, { family, owner, samples: [...family.samples] });
    return undefined;
  }

  #renderable({ family, samples }: Entry): Metric {
    const { name, help, type } = family;
    const sharedLabels = name.startsWith(UPSTREAM_PREFIX) ? this.#labels : {};
    const values = samples.map(({ suffix = '', labels, value }) => ({
      metricName: name + suffix,
      labels,
      sharedLabels,
      value,
    }));
    // The registry needs a name and a get(); its type asks for the whole class.
    return { name, get: async () => ({ name, help, type, values }) } as unknown as Metric;
  }
}

function canShare(known: Entry, owner: string, family: MetricFamily): boolean {
  const marked = (whose: string, samples: readonly Sample[]): boolean =>
    samples.every(({ labels }) => labels.collector === whose);
  return (
    known.family.type === family.type &&
    marked(known.owner, known.family.samples) &&
    marked(owner, family.samples) &&
    sampleLabels(known.family) === sampleLabels(family)
  );
}

function sampleLabels({ samples }: MetricFamily): string {
  return samples[0] ? labelNames(samples[0].labels).join() : '';
}

function claimedNames({ name, type }: MetricFamily): string[] {
  return type === 'histogram' ? [name, `${name}_bucket`, `${name}_sum`, `${name}_count`] : [name];
}

/** A name as it may stand in the log. */
function printable(family: unknown): string {
  const name = (family as Partial<MetricFamily> | null)?.name;
  return typeof name === 'string' ? JSON.stringify(name.slice(0, 128)) : 'a family';
}
