/** Documents that the server may have already: ranges of sequence numbers of one tracer. */
interface Range {
  readonly from: number;
  readonly to: number;
}

const MAX_RANGES = 16;

export class Doubts {
  #ranges: Range[] = [];

  add(from: number, to: number): void {
    if (to <= from) return;
    this.#ranges.push({ from, to });
    if (this.#ranges.length <= MAX_RANGES) return;
    // One range over all of them asks for more than it must, and forgets none.
    const all = {
      from: Math.min(...this.#ranges.map((range) => range.from)),
      to: Math.max(...this.#ranges.map((range) => range.to)),
    };
    this.#ranges = [all];
  }

  /** Whether any document in the range is doubtful. */
  touch(from: number, to: number): boolean {
    return this.#ranges.some((range) => range.from < to && from < range.to);
  }

  /** What is before has been delivered. */
  settle(before: number): void {
    this.#ranges = this.#ranges.filter(({ to }) => to > before);
  }
}
