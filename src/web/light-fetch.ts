/**
 * The global classes of fetch that hono's adapter begins with. Node's are undici, which takes 3 MB of a thread as soon as one of
 * them is named; the adapter makes requests and answers of its own, and needs no more of these than a name to inherit from, and
 * headers. To be imported before it.
 */

type Init = Iterable<readonly [string, string]> | Readonly<Record<string, string>>;

/** As in the fetch standard, for names and values that node:http has checked or will. */
class LightHeaders {
  readonly #values = new Map<string, string[]>();

  constructor(init: Init = {}) {
    const pairs = Symbol.iterator in init ? init : Object.entries(init);
    for (const [name, value] of pairs) this.append(name, value);
  }

  append(name: string, value: string): void {
    const key = name.toLowerCase();
    this.#values.set(key, [...(this.#values.get(key) ?? []), String(value)]);
  }

  set(name: string, value: string): void {
    this.#values.set(name.toLowerCase(), [String(value)]);
  }

  delete(name: string): void {
    this.#values.delete(name.toLowerCase());
  }

  get(name: string): string | null {
    return this.#values.get(name.toLowerCase())?.join(', ') ?? null;
  }

  has(name: string): boolean {
    return this.#values.has(name.toLowerCase());
  }

  forEach(each: (value: string, name: string, headers: this) => void): void {
    for (const [name, value] of this) each(value, name, this);
  }

  *entries(): Generator<[string, string]> {
    for (const [name, values] of this.#values) yield [name, values.join(', ')];
  }

  [Symbol.iterator](): Generator<[string, string]> {
    return this.entries();
  }
}

type Body = ReadableStream | Uint8Array<ArrayBuffer> | string | null;

/** What an answer of the adapter becomes when it gets other headers. */
class LightResponse {
  readonly status: number;
  readonly headers: LightHeaders;
  readonly body: ReadableStream | null;

  constructor(body: Body = null, { status = 200, headers }: { status?: number; headers?: Init } = {}) {
    this.body = body === null || body instanceof ReadableStream ? body : new Blob([body]).stream();
    this.status = status;
    this.headers = new LightHeaders(headers);
  }
}

const light = {
  Headers: LightHeaders,
  Request: class LightRequest {},
  Response: LightResponse,
  // Of WebSockets, which are not served: where there is none the adapter makes its own.
  CloseEvent: undefined,
  ErrorEvent: undefined,
};
for (const [name, value] of Object.entries(light)) {
  // First, because to define what is there V8 reads it.
  Reflect.deleteProperty(globalThis, name);
  Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
}
