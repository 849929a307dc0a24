/**
 * Two sources of one collector as one: its thread, and the maps of its object. Both count the series that were refused and the labels
 * that were cut: of a family that both have, the values are added up.
 */
import type { FamilyText } from '../../sdk/metrics.ts';
import { isSameText } from './family.ts';
import type { Reading, Sampled } from './reader.ts';
import type { MetricSource } from './source.ts';

export class JoinedSource implements MetricSource {
  readonly name: string;
  readonly sources: readonly [MetricSource, MetricSource];
  #before: readonly (readonly Sampled[])[] = [];
  #families: readonly Sampled[] = [];
  #sums: readonly { readonly sum: Float64Array; readonly of: readonly Float64Array[] }[] = [];

  /** @param sources of one name */
  constructor(...sources: readonly [MetricSource, MetricSource]) {
    this.name = sources[0].name;
    this.sources = sources;
  }

  /** @throws when one of them fails: not all samples of the collector would be there */
  async scrape(deadline_ms: number): Promise<Reading> {
    const [one, other] = await Promise.all([
      this.sources[0].scrape(deadline_ms),
      this.sources[1].scrape(deadline_ms),
    ]);
    if (one.families !== this.#before[0] || other.families !== this.#before[1])
      this.#join(one.families, other.families);
    for (const { sum, of } of this.#sums)
      for (let i = 0; i < sum.length; i++) sum[i] = of.reduce((total, values) => total + (values[i] ?? 0), 0);
    return { families: this.#families, faults: [...one.faults, ...other.faults] };
  }

  #join(some: readonly Sampled[], others: readonly Sampled[]): void {
    this.#before = [some, others];
    const sums = some.flatMap(({ family, values }) => {
      const same = others.find((other) => isSame(other.family.text, family.text));
      return same ? [{ family, sum: new Float64Array(values.length), of: [values, same.values] }] : [];
    });
    const names = new Set(sums.map(({ family }) => family.text.name));
    const alone = [...some, ...others].filter(({ family }) => !names.has(family.text.name));
    this.#sums = sums;
    this.#families = [...alone, ...sums.map(({ family, sum }) => ({ family, values: sum }))];
  }
}

function isSame(a: FamilyText, b: FamilyText): boolean {
  return a.name === b.name && isSameText(a, b);
}
