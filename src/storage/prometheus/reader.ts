/** The answers of one source, read into families that may stand on a page. */
import type { FamilyText, MetricsAnswer } from '../../sdk/metrics.ts';
import { checkFamily, isSameText, type PageFamily, valueCount } from './family.ts';

/** One family at one scrape. */
export interface Sampled {
  readonly family: PageFamily;
  /** As in `MetricsAnswer`. */
  readonly values: Float64Array;
}

/** The same one for as long as the source has the same series: what it answers next takes the place of the values. */
export interface Reading {
  readonly families: readonly Sampled[];
  /** One clause for each family that was left out. */
  readonly faults: readonly string[];
}

/** A family, or the clause that says why it is none; and where its values are. */
interface Checked {
  readonly family: PageFamily | string;
  readonly from: number;
  readonly to: number;
}

export class AnswerReader {
  #token: string | undefined;
  #checked: readonly Checked[] = [];
  #values = new Float64Array();
  #reading: Reading = { families: [], faults: [] };

  /** What to ask with: the source need not send the text again that belongs to it. */
  get token(): string | undefined {
    return this.#token;
  }

  read(answer: MetricsAnswer): Reading {
    const { token, families, values } = answer ?? {};
    if (families === undefined && this.#token === undefined) return fault('the answer has no families');
    if (families !== undefined) {
      this.#token = undefined;
      if (!Array.isArray(families)) return fault('the answer is not a list of families');
      this.#take(this.#check(families));
    }
    if (!(values instanceof Float64Array) || values.length !== this.#values.length) {
      this.#token = undefined;
      return fault('the answer has more or fewer values than series');
    }
    this.#token = token;
    this.#values.set(values);
    return this.#reading;
  }

  #take(checked: readonly Checked[]): void {
    const before = this.#checked;
    this.#checked = checked;
    if (
      checked.length === before.length &&
      checked.every(({ family, to }, i) => family === before[i]?.family && to === before[i].to)
    )
      return;
    const values = new Float64Array(checked.at(-1)?.to ?? 0);
    this.#values = values;
    this.#reading = {
      families: checked.flatMap(({ family, from, to }) =>
        typeof family === 'string' ? [] : [{ family, values: values.subarray(from, to) }],
      ),
      faults: checked.flatMap(({ family }) => (typeof family === 'string' ? [family] : [])),
    };
  }

  #check(texts: readonly FamilyText[]): Checked[] {
    const known = new Map(
      this.#checked.flatMap(({ family }) => (typeof family === 'string' ? [] : [[family.text.name, family]])),
    );
    let from = 0;
    return texts.map((text) => {
      const before = known.get(text?.name);
      const to = from + valueCount(text);
      const checked = before && isSameText(before.text, text) ? before : checkFamily(text);
      const family = typeof checked === 'string' ? `${printable(text)} ${checked}` : checked;
      const one = { family, from, to };
      from = to;
      return one;
    });
  }
}

function fault(reason: string): Reading {
  return { families: [], faults: [reason] };
}

/** A name as it may stand in the log. */
function printable(family: unknown): string {
  const name = (family as Partial<FamilyText> | null)?.name;
  return typeof name === 'string' ? JSON.stringify(name.slice(0, 128)) : 'a family';
}
