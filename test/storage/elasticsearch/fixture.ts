/** What the tests of the shipper share: a journal with documents of ours, an actor on it, and what the server has of them. */
import { savedDocument } from '../../../src/decoder/envelope.ts';
import { ElasticsearchActor } from '../../../src/storage/elasticsearch/actor.ts';
import { mappingDirectories, type ShippingConfig } from '../../../src/storage/elasticsearch/config.ts';
import type { ElasticsearchStatus, StreamStatus } from '../../../src/storage/elasticsearch/status.ts';
import { Journal } from '../../../src/storage/journal/journal.ts';
import { eventually } from '../../support/eventually.ts';
import type { SearchServer } from '../../support/search-server/server.ts';
import { journalOptions, memoryLog, tempDirectory } from '../journal/fixture.ts';

interface DocumentOptions {
  readonly tracer?: string;
  readonly data?: object;
}

/** One document as a collector saves it; `number` makes its id. */
export function documentLine(number: number, { tracer = 'oom', data = {} }: DocumentOptions = {}): string {
  return savedDocument({
    envelope: {
      idPrefix: `6043719c2b954172823a77b3644a1a01-${tracer}-7-`,
      schemaVersion: 1,
      severity: 'warning',
      hostname: 'vm',
      region: 'test',
      uploadedTime: '2026-11-22T19:49:44.000Z',
      tracerName: tracer,
      tracerType: 'event',
    },
    sequence: number,
    realtime_ns: 1_790_000_000_000_000_000n + BigInt(number),
    owner: '',
    payload: JSON.stringify({ victim: { pid: number }, ...data }),
  });
}

export function documentLines(first: number, count: number, options?: DocumentOptions): Buffer {
  return Buffer.from(
    Array.from({ length: count }, (_, index) => documentLine(first + index, options)).join(''),
  );
}

export function config(url: string, changes: Partial<ShippingConfig> = {}): ShippingConfig {
  return {
    hosts: [url],
    namespace: 'test',
    layout: 'data_stream',
    setup: true,
    alias: 'huatuo_bamai',
    retention_days: 0,
    credentials: {
      username: '',
      passwordFile: '',
      apiKeyFile: '',
      ca: '',
      clientCertificate: '',
      clientKey: '',
      verify: true,
    },
    compress: true,
    bulk_bytes: 256 * 1024,
    bulk_documents: 500,
    flush_ms: 20,
    concurrency: 4,
    timeout_ms: 30_000,
    dead_letter_bytes: 1 << 24,
    mappings: mappingDirectories([]),
    ...changes,
  };
}

/** A journal in a directory of its own, and actors on it. */
export class Shipping implements AsyncDisposable {
  readonly journal: Journal;
  readonly log: ReturnType<typeof memoryLog> = memoryLog();
  readonly #directory = tempDirectory();
  #actor: ElasticsearchActor | undefined;
  #count = 0;

  constructor(changes: Parameters<typeof journalOptions>[1] = {}) {
    this.journal = new Journal(journalOptions(this.#directory.path, changes), this.log);
  }

  get path(): string {
    return this.#directory.path;
  }

  /** Documents written, all tracers together. */
  get count(): number {
    return this.#count;
  }

  /** Writes the next documents. */
  write(count: number, options: DocumentOptions = {}): void {
    const lines = documentLines(this.#count, count, options);
    this.journal.append(options.tracer ?? 'oom', lines, count);
    this.#count += count;
  }

  start(settings: ShippingConfig): ElasticsearchActor {
    const sequences = async (): Promise<Record<string, number>> =>
      Object.fromEntries(
        Object.entries(this.journal.status()).map(([tracer, { sequence }]) => [tracer, sequence]),
      );
    this.#actor = new ElasticsearchActor({ config: settings, journal: this.path }, { sequences }, this.log);
    return this.#actor;
  }

  async stop(): Promise<void> {
    await this.#actor?.close();
    this.#actor = undefined;
  }

  status(): Promise<ElasticsearchStatus> {
    if (!this.#actor) throw new Error('no actor');
    return this.#actor.status();
  }

  async stream(tracer = 'oom'): Promise<StreamStatus | undefined> {
    return (await this.status()).streams.find((stream) => stream.tracer === tracer);
  }

  /** Waits until nothing is left to ship. */
  async drained(tracer = 'oom', timeout_ms?: number): Promise<StreamStatus> {
    let last: unknown;
    return eventually(
      'everything to be shipped',
      async () => {
        const status = await this.status();
        last = status;
        const stream = status.streams.find((one) => one.tracer === tracer);
        return stream?.lag_documents === 0 && stream;
      },
      {
        ...(timeout_ms !== undefined && { timeout_ms }),
        last: () => `${JSON.stringify(last, null, 1)}\n${this.log.lines.join('\n')}`,
      },
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    await this.journal.close();
    this.#directory[Symbol.dispose]();
  }
}

/** What a target has: documents, and distinct event ids among them. */
export async function stored(
  server: SearchServer,
  target: string,
): Promise<{ readonly documents: number; readonly events: number }> {
  await server.call('POST', `/${target}/_refresh`);
  const ids = new Set<string>();
  let documents = 0;
  let after: readonly unknown[] | undefined;
  for (;;) {
    const { hits } = await server.call('POST', `/${target}/_search`, {
      size: 5000,
      _source: false,
      fields: ['event_id'],
      sort: [{ event_id: 'asc' }],
      ...(after && { search_after: after }),
    });
    for (const hit of hits.hits) ids.add(hit.fields.event_id[0]);
    documents += hits.hits.length;
    after = hits.hits.at(-1)?.sort;
    if (hits.hits.length < 5000) break;
  }
  // A page ends between two copies of one id only if there are two copies, so the count is asked for as well.
  const { count } = await server.call('GET', `/${target}/_count`);
  return { documents: Math.max(documents, count), events: ids.size };
}
