/** Scrapes one collector thread over its MessagePort, unless nothing has changed there. */

import { setTimeout as sleep } from 'node:timers/promises';
import type { MessagePort } from 'node:worker_threads';
import { HuatuoError } from '../../error.ts';
import { shareInFlight, withDeadline } from '../../promises.ts';
import type { ScrapeReply, ScrapeRequest } from './protocol.ts';
import { AnswerReader, type Reading } from './reader.ts';

/** Whoever is late has not failed: it is not restarted. */
export const LATE_REMEDY: string =
  'it is asked again at the next scrape; where the host is short of CPU, raise web.scrape_timeout';

/** Whatever can be asked for families; the pool's collectors are the other kind. */
export interface MetricSource {
  readonly name: string;
  /**
   * @param deadline_ms longest wait
   * @returns what may stand on a page, and what may not
   * @throws HuatuoError; the source stays usable
   */
  scrape(deadline_ms: number): Promise<Reading>;
}

/** A thread that is up says so at once on a new port; one that loads its programs may take seconds. */
const READY_MS = 250;

interface Pending extends PromiseWithResolvers<Reading> {
  readonly id: number;
  /** How much had changed when it was asked. */
  readonly changes: number | undefined;
}

export class PortSource implements MetricSource {
  readonly name: string;
  readonly #port: MessagePort;
  /**
   * The request that has no answer yet; kept when its deadline has passed. There is never a second one, so a thread
   * that hangs for a week has one message in its queue, not forty thousand.
   */
  #pending: Pending | undefined;
  #sent = 0;
  #closed = false;
  readonly #reader = new AnswerReader();
  readonly #ready = Promise.withResolvers<void>();
  #isReady: boolean;
  /** Where the collector says that its metrics have changed, and what it has answered since then. */
  #changes: Int32Array<SharedArrayBuffer> | undefined;
  #newest: { readonly reading: Reading; readonly changes: number | undefined } | undefined;
  readonly #shared = shareInFlight((deadline) => this.#ask(Number(deadline)));

  /**
   * Takes over `port`; `close` gives it back.
   * @param isReady whether the collector is known to be attached; else it says so itself
   */
  constructor(name: string, port: MessagePort, isReady = false) {
    this.name = name;
    this.#port = port;
    this.#isReady = isReady;
    port.on('message', (reply: ScrapeReply) => this.#receive(reply));
    port.on('close', () => this.#onClose());
  }

  scrape(deadline_ms: number): Promise<Reading> {
    return this.#shared(String(deadline_ms));
  }

  close(): void {
    this.#port.close();
    this.#onClose();
  }

  async #ask(deadline_ms: number): Promise<Reading> {
    if (!this.#isReady) await this.#untilReady(Math.min(READY_MS, deadline_ms));
    if (this.#closed) throw disconnected(this.name);
    const changes = this.#changes && Atomics.load(this.#changes, 0);
    // No thread is woken for what it has said already.
    if (changes !== undefined && this.#newest?.changes === changes) return this.#newest.reading;
    if (this.#pending) throw stillBusy(this.name);
    const pending = { ...Promise.withResolvers<Reading>(), id: ++this.#sent, changes };
    this.#pending = pending;
    // After the deadline the caller listens no more, and a late failure must not become an unhandled rejection.
    pending.promise.catch(() => {});
    const request: ScrapeRequest = { type: 'scrape', id: pending.id, known: this.#reader.token };
    this.#port.postMessage(request);
    return withDeadline(pending.promise, deadline_ms, `scrape of collector ${this.name}`, LATE_REMEDY);
  }

  /** An answer that comes after its deadline finds no listener: its values are dropped, and the next scrape asks anew. */
  #receive(reply: ScrapeReply): void {
    if (reply?.type === 'ready') {
      this.#isReady = true;
      this.#changes = reply.changes;
      this.#ready.resolve();
      return;
    }
    const pending = this.#pending;
    if (!pending || reply?.id !== pending.id) return;
    this.#pending = undefined;
    this.#newest = undefined;
    if (reply.type === 'failed') {
      pending.reject(HuatuoError.fromWire(reply.error));
      return;
    }
    const reading = this.#reader.read(reply.answer);
    this.#newest = { reading, changes: reply.expires ? undefined : pending.changes };
    pending.resolve(reading);
  }

  async #untilReady(wait_ms: number): Promise<void> {
    const over = new AbortController();
    await Promise.race([this.#ready.promise, sleep(wait_ms, undefined, { signal: over.signal })]);
    over.abort();
    if (!this.#isReady && !this.#closed) throw starting(this.name);
  }

  #onClose(): void {
    this.#closed = true;
    this.#ready.resolve();
    this.#pending?.reject(disconnected(this.name));
    this.#pending = undefined;
  }
}

/** A collector that is known but has no thread at the moment. */
function disconnected(name: string): HuatuoError {
  return new HuatuoError('WORKER_EXITED', {
    expected: `a running collector ${name}`,
    found: 'its thread has ended',
    remedy: 'see its state and last error in /api/v1/status',
  });
}

function starting(name: string): HuatuoError {
  return new HuatuoError('COLLECTOR_STARTING', {
    expected: `collector ${name} to be attached`,
    found: 'it is starting',
    remedy: 'it has metrics as soon as it runs; see its state in /api/v1/status',
  });
}

function stillBusy(name: string): HuatuoError {
  return new HuatuoError('DEADLINE_EXCEEDED', {
    found: `collector ${name} has not answered the previous scrape`,
    remedy: 'it is asked again when it has; see its state in /api/v1/status',
  });
}
