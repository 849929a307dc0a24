/**
 * Values that a collector's instruments have counted themselves, in shared memory: the worker that takes over goes on from
 * them, so a counter does not start again at 0 because its thread did. Values that the kernel keeps are not here.
 *
 *   index   [length][JSON: metric, width, label values …] …       one record for each series, in the order of their values
 *   values  [f64 × width] …
 *
 * There are two halves of both. Series are only added to the half in force; to drop some, the others are written to the
 * other half, which is then put in force. A thread that ends in any line leaves one good half.
 */

/** `header`: int32 [0] which half is in force, [1..2] bytes of index in use of each, [3] whose they are. */
export interface SeriesMemory {
  readonly header: SharedArrayBuffer;
  readonly halves: readonly [SeriesHalf, SeriesHalf];
}

interface SeriesHalf {
  readonly index: SharedArrayBuffer;
  readonly values: SharedArrayBuffer;
}

/** Address space, taken as it is needed: ten thousand histograms of 50 buckets. */
const MAX_BYTES = 4 << 20;
const FIRST_BYTES = 4096;
const LENGTH_BYTES = 4;

export function allocateSeries(): SeriesMemory {
  const grows = (): SharedArrayBuffer => new SharedArrayBuffer(0, { maxByteLength: MAX_BYTES });
  const half = (): SeriesHalf => ({ index: grows(), values: grows() });
  return { header: new SharedArrayBuffer(16), halves: [half(), half()] };
}

/** One series' values. */
export interface KeptValues {
  /** Another view after others were dropped: to be read anew for each use. */
  values: Float64Array;
}

export interface KeptSeriesRecord extends KeptValues {
  readonly metric: string;
  /** In the order in which the metric declares its labels. */
  readonly labels: readonly string[];
}

export class KeptSeries {
  readonly #header: Int32Array;
  readonly #halves: SeriesMemory['halves'];
  #records: KeptSeriesRecord[];

  /** Takes over what is there. */
  constructor({ header, halves }: SeriesMemory) {
    this.#header = new Int32Array(header);
    this.#halves = halves;
    this.#records = [...this.#read()];
  }

  /** Names of the metrics that have any. */
  get metrics(): ReadonlySet<string> {
    return new Set(this.#records.map(({ metric }) => metric));
  }

  /** Says whose they are. @returns the number that said so before; 0 when none did */
  mark(owner: number): number {
    return Atomics.exchange(this.#header, 3, owner);
  }

  /** Series of one metric. */
  of(metric: string): readonly KeptSeriesRecord[] {
    return this.#records.filter((record) => record.metric === metric);
  }

  /** @returns zeros to count in; undefined when the memory is full: that series starts again with the next worker */
  add(metric: string, labels: readonly string[], width: number): KeptValues | undefined {
    const record = this.#append(this.#header[0]! & 1, { metric, labels, values: new Float64Array(width) });
    if (record) this.#records.push(record);
    return record;
  }

  /** Forgets the series of one metric. @param which those that `add` or `of` gave; without it all of them */
  drop(metric: string, which?: ReadonlySet<KeptValues>): void {
    const left = this.#records.filter(
      (record) => record.metric !== metric || (which !== undefined && !which.has(record)),
    );
    if (left.length === this.#records.length) return;
    const half = (this.#header[0]! & 1) ^ 1;
    this.#header[1 + half] = 0;
    this.#records = [];
    for (const record of left) {
      const moved = this.#append(half, record);
      if (!moved) continue;
      // Whoever counts in it holds the record, not the view.
      record.values = moved.values;
      this.#records.push(record);
    }
    Atomics.store(this.#header, 0, half);
  }

  #append(half: number, { metric, labels, values }: KeptSeriesRecord): KeptSeriesRecord | undefined {
    const memory = this.#halves[half as 0 | 1];
    const last = this.#records.at(-1)?.values;
    const valuesAt = last ? last.byteOffset + last.byteLength : 0;
    const indexAt = this.#header[1 + half]!;
    const text = Buffer.from(JSON.stringify([metric, values.length, ...labels]));
    const indexEnd = indexAt + LENGTH_BYTES + text.byteLength;
    if (!fits(memory.values, valuesAt + values.byteLength) || !fits(memory.index, indexEnd)) return undefined;
    const view = new Float64Array(memory.values, valuesAt, values.length);
    view.set(values);
    new DataView(memory.index).setUint32(indexAt, text.byteLength);
    new Uint8Array(memory.index).set(text, indexAt + LENGTH_BYTES);
    Atomics.store(this.#header, 1 + half, indexEnd);
    return { metric, labels, values: view };
  }

  *#read(): Generator<KeptSeriesRecord> {
    const half = this.#header[0]! & 1;
    const { index, values } = this.#halves[half as 0 | 1];
    const view = new DataView(index);
    const end = this.#header[1 + half]!;
    let valuesAt = 0;
    for (let at = 0; at < end; ) {
      const bytes = view.getUint32(at);
      const text = Buffer.from(new Uint8Array(index, at + LENGTH_BYTES, bytes)).toString();
      const [metric, width, ...labels] = JSON.parse(text) as [string, number, ...string[]];
      yield { metric, labels, values: new Float64Array(values, valuesAt, width) };
      valuesAt += width * Float64Array.BYTES_PER_ELEMENT;
      at += LENGTH_BYTES + bytes;
    }
  }
}

/** Grows the memory when it has to. @returns false when it may not */
function fits(memory: SharedArrayBuffer, bytes: number): boolean {
  if (bytes > MAX_BYTES) return false;
  if (bytes > memory.byteLength)
    memory.grow(Math.min(MAX_BYTES, Math.max(FIRST_BYTES, 2 * memory.byteLength, bytes)));
  return true;
}
