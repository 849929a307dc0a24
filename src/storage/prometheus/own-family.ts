/** Families of the agent itself, which are made at once: their text goes with each answer, they are few. */
import { labelText } from '../../sdk/label-text.ts';
import type { FamilyText, MetricsAnswer, MetricType } from '../../sdk/metrics.ts';
import { isSameText } from './family.ts';

type Labels = Readonly<Record<string, string>>;

export interface Sample {
  readonly labels: Labels;
  readonly value: number;
}

export interface OwnFamily {
  readonly text: FamilyText;
  readonly values: readonly number[];
}

export function gauge(name: string, help: string, samples: readonly Sample[]): OwnFamily {
  return scalar('gauge', name, help, samples);
}

export function counter(name: string, help: string, samples: readonly Sample[]): OwnFamily {
  return scalar('counter', name, help, samples);
}

export function scalar(type: MetricType, name: string, help: string, samples: readonly Sample[]): OwnFamily {
  const series = samples.map(({ labels }) => labelText(labels)).join('\n');
  return { text: { name, help, type, series }, values: samples.map(({ value }) => value) };
}

/** @param counts of each bucket alone, and at the end of those above the last bound */
export function histogram(
  name: string,
  help: string,
  bounds: readonly number[],
  samples: readonly { readonly labels: Labels; readonly counts: readonly number[]; readonly sum: number }[],
): OwnFamily {
  const series = samples.map(({ labels }) => labelText(labels)).join('\n');
  const values = samples.flatMap(({ counts, sum }) => {
    let total = 0;
    return [...counts.map((count) => (total += count)), sum];
  });
  return { text: { name, help, type: 'histogram', bounds: bounds.map(String), series }, values };
}

/** An answer of those that have any series. */
export function answerOf(families: readonly OwnFamily[]): MetricsAnswer {
  return new OwnAnswers().answer(families);
}

/** Answers to one asker, one after the other: what these families are called is hardly ever another than before. */
export class OwnAnswers {
  #token = 0;
  #texts: readonly FamilyText[] = [];

  /** @param known token of the answer whose text the asker has */
  answer(families: readonly OwnFamily[], known?: string): MetricsAnswer {
    const some = families.filter(({ values }) => values.length > 0);
    const texts = some.map(({ text }) => text);
    const isKnown = known === String(this.#token) && areSame(texts, this.#texts);
    this.#token++;
    this.#texts = texts;
    return {
      token: String(this.#token),
      ...(!isKnown && { families: texts }),
      values: Float64Array.from(some.flatMap(({ values }) => values)),
    };
  }
}

function areSame(some: readonly FamilyText[], others: readonly FamilyText[]): boolean {
  return (
    some.length === others.length &&
    some.every((text, i) => text.name === others[i]!.name && isSameText(text, others[i]!))
  );
}
