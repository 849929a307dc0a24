/**
 * Bulk requests out of journal bytes. No document is parsed: its id stands at a fixed place of its line, and an action line with it
 * goes in front.
 *
 *   {"create":{"_id":"<event_id>"}}          entry = action line + line
 *   {"@timestamp":"…","event_id":"<event_id>", …
 */
const NEWLINE = 10;
const QUOTE = 34;
const INITIAL_BYTES = 256 * 1024;
const HEAD = Buffer.from('{"@timestamp":"');
const BEFORE_ID = Buffer.from('","event_id":"');
const TIMESTAMP_BYTES = 30;
const ID_AT = HEAD.length + TIMESTAMP_BYTES + BEFORE_ID.length;
/** The server takes ids of up to 512 bytes. */
const MAX_ID_BYTES = 512;
const ACTION = Buffer.from('{"create":{"_id":"');
const ACTION_END = Buffer.from('"}}\n');

/** Documents with their action lines, ready to be sent. */
export class Bulk {
  /** Entries one behind the other. */
  readonly body: Buffer;
  /** Where each entry begins, and the last one ends. */
  readonly #starts: readonly number[];

  constructor(body: Buffer, starts: readonly number[]) {
    this.body = body;
    this.#starts = starts;
  }

  get length(): number {
    return this.#starts.length - 1;
  }

  id(index: number): string {
    const start = (this.#starts[index] as number) + ACTION.length;
    return this.body.toString('utf8', start, this.body.indexOf(QUOTE, start));
  }

  /** The line as the journal has it, without its newline. */
  document(index: number): Buffer {
    const start = this.body.indexOf(NEWLINE, this.#starts[index]) + 1;
    return this.body.subarray(start, (this.#starts[index + 1] as number) - 1);
  }

  /** Some of the entries, in the given order. */
  pick(indices: readonly number[]): Bulk {
    if (indices.length === this.length) return this;
    const parts = indices.map((index) => this.body.subarray(this.#starts[index], this.#starts[index + 1]));
    const starts = [0];
    for (const part of parts) starts.push((starts.at(-1) as number) + part.length);
    return new Bulk(Buffer.concat(parts), starts);
  }

  halves(): [Bulk, Bulk] {
    const all = Array.from({ length: this.length }, (_, index) => index);
    const middle = Math.ceil(all.length / 2);
    return [this.pick(all.slice(0, middle)), this.pick(all.slice(middle))];
  }
}

/** Lines that are no documents, which damage to the disk makes of them. */
interface Damaged {
  readonly line: Buffer;
}

export class BulkBuilder {
  readonly #maxBytes: number;
  readonly #maxDocuments: number;
  #body: Buffer;
  #bytes = 0;
  #starts: number[] = [0];
  readonly damaged: Damaged[] = [];

  constructor(maxBytes: number, maxDocuments: number) {
    this.#maxBytes = maxBytes;
    this.#maxDocuments = maxDocuments;
    this.#body = Buffer.allocUnsafe(Math.min(maxBytes, INITIAL_BYTES));
  }

  get documents(): number {
    return this.#starts.length - 1;
  }

  get full(): boolean {
    return this.#bytes >= this.#maxBytes || this.documents + this.damaged.length >= this.#maxDocuments;
  }

  /**
   * Takes lines until it is full; a document may make it longer than wanted by itself.
   * @returns bytes and number of the lines that were taken
   */
  add(lines: Buffer): { readonly bytes: number; readonly lines: number } {
    let at = 0;
    let taken = 0;
    while (at < lines.length && !this.full) {
      const end = lines.indexOf(NEWLINE, at) + 1;
      const line = lines.subarray(at, end);
      const idEnd = findIdEnd(line);
      if (idEnd === undefined) this.damaged.push({ line: Buffer.from(line.subarray(0, -1)) });
      else this.#append(line, idEnd);
      at = end;
      taken++;
    }
    return { bytes: at, lines: taken };
  }

  finish(): Bulk {
    return new Bulk(this.#body.subarray(0, this.#bytes), this.#starts);
  }

  #append(line: Buffer, idEnd: number): void {
    const bytes = ACTION.length + (idEnd - ID_AT) + ACTION_END.length + line.length;
    if (this.#bytes + bytes > this.#body.length) this.#grow(this.#bytes + bytes);
    const body = this.#body;
    let at = this.#bytes;
    at += ACTION.copy(body, at);
    at += line.copy(body, at, ID_AT, idEnd);
    at += ACTION_END.copy(body, at);
    at += line.copy(body, at);
    this.#bytes = at;
    this.#starts.push(at);
  }

  #grow(bytes: number): void {
    const grown = Buffer.allocUnsafe(Math.max(bytes, this.#body.length * 2));
    this.#body.copy(grown, 0, 0, this.#bytes);
    this.#body = grown;
  }
}

/** Where the id of a line ends; undefined when the line is no document of ours. */
function findIdEnd(line: Buffer): number | undefined {
  const { length } = line;
  // The last bytes of a whole document and its newline.
  if (length < ID_AT + 3 || line[length - 2] !== 0x7d) return undefined;
  if (HEAD.compare(line, 0, HEAD.length) !== 0) return undefined;
  if (BEFORE_ID.compare(line, ID_AT - BEFORE_ID.length, ID_AT) !== 0) return undefined;
  const end = line.indexOf(QUOTE, ID_AT);
  if (end <= ID_AT || end - ID_AT > MAX_ID_BYTES) return undefined;
  // An escape or a control character: ids of ours have none.
  for (let at = ID_AT; at < end; at++) if ((line[at] as number) < 0x21 || line[at] === 0x5c) return undefined;
  return end;
}

/** What became of one entry. */
export interface ItemError {
  readonly index: number;
  readonly status: number;
  readonly type: string;
  readonly reason: string;
}

/** Path and query of the request; the answer says no more than what is read of it. */
export function bulkPath(target: string): string {
  return `/${encodeURIComponent(target)}/_bulk?filter_path=errors,items.*.status,items.*.error.type,items.*.error.reason`;
}

/**
 * Reads the answer. One without errors, which is not cut, is not parsed.
 * @param count entries that were sent
 * @returns the entries that were not created; undefined when this is no answer to such a request
 */
export function readAnswer(body: Buffer, count: number): readonly ItemError[] | undefined {
  const isWhole = /\}\s*$/.test(body.toString('latin1', Math.max(0, body.length - 16)));
  if (isWhole && /^\s*\{\s*(?:"took":\d+,)?\s*"errors":false/.test(body.toString('latin1', 0, 64))) return [];
  let answer: { errors?: unknown; items?: unknown };
  try {
    answer = JSON.parse(body.toString('utf8')) as typeof answer;
  } catch {
    return undefined;
  }
  if (answer?.errors === false) return [];
  const { items } = answer ?? {};
  if (!Array.isArray(items) || items.length !== count) return undefined;
  return items.flatMap((item: { create?: Partial<Item> }, index) => {
    const { status = 0, error } = item?.create ?? {};
    if (status === 200 || status === 201) return [];
    return [{ index, status, type: String(error?.type ?? ''), reason: String(error?.reason ?? '') }];
  });
}

interface Item {
  readonly status: number;
  readonly error: { readonly type?: string; readonly reason?: string };
}
