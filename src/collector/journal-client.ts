/**
 * A collector's end of the port to the journal.
 *
 * Every batch gets exactly one outcome. `lost` means the journal's thread ended before it answered: the buffer went with
 * it, the sender cannot know whether the bytes were written, and the sender must take the batch from its source again. The
 * supervisor hands in a new port when the journal is back.
 */
import type { MessagePort } from 'node:worker_threads';
import { HuatuoError } from '../error.ts';
import type { FromJournal, RingRange, ToJournal } from '../storage/journal/protocol.ts';

export type Outcome =
  | { readonly kind: 'written'; readonly buffer: ArrayBuffer }
  | { readonly kind: 'refused'; readonly buffer: ArrayBuffer; readonly error: HuatuoError }
  | { readonly kind: 'lost' };

interface Outgoing {
  readonly tracer: string;
  /** Transferred: unusable here until the outcome brings it back. */
  readonly buffer: ArrayBuffer;
  readonly bytes: number;
  readonly documents: number;
  readonly ring?: RingRange;
}

type Welcome = Omit<Extract<FromJournal, { readonly type: 'welcome' }>, 'type' | 'ringId'> | 'lost';

export class JournalClient {
  #port: MessagePort | undefined;
  #connected = Promise.withResolvers<void>();
  #sequence = 0;
  readonly #waiting = new Map<number, (outcome: Outcome) => void>();
  readonly #greeting = new Map<string, (welcome: Welcome) => void>();

  /** Takes a new port into use; whatever the old one owed is lost. */
  connect(port: MessagePort): void {
    this.#disconnect(this.#port);
    this.#port = port;
    port.on('message', (message: FromJournal) => this.#receive(message));
    port.on('close', () => this.#disconnect(port));
    this.#connected.resolve();
  }

  /** Resolves once a journal is there. */
  get connected(): Promise<void> {
    return this.#connected.promise;
  }

  /** Opens a ring: which of its ranges are on disk already and what batches may be, or `lost`. */
  hello(ringId: string): Promise<Welcome> {
    const { promise, resolve } = Promise.withResolvers<Welcome>();
    this.#greeting.set(ringId, resolve);
    if (!this.#post({ type: 'hello', ringId }, [])) this.#resolveGreeting(ringId, 'lost');
    return promise;
  }

  send(batch: Outgoing): Promise<Outcome> {
    const { promise, resolve } = Promise.withResolvers<Outcome>();
    const sequence = ++this.#sequence;
    this.#waiting.set(sequence, resolve);
    if (!this.#post({ type: 'batch', sequence, ...batch }, [batch.buffer]))
      this.#settle(sequence, { kind: 'lost' });
    return promise;
  }

  /** Lets go of the port; outcomes still owed are `lost`. */
  close(): void {
    const port = this.#port;
    this.#disconnect(port);
    port?.close();
  }

  #post(message: ToJournal, transfer: ArrayBuffer[]): boolean {
    this.#port?.postMessage(message, transfer);
    return this.#port !== undefined;
  }

  #receive(message: FromJournal): void {
    switch (message.type) {
      case 'ack':
        this.#settle(message.sequence, { kind: 'written', buffer: message.buffer });
        break;
      case 'refused': {
        const error = HuatuoError.fromWire(message.error);
        this.#settle(message.sequence, { kind: 'refused', buffer: message.buffer, error });
        break;
      }
      case 'welcome':
        this.#resolveGreeting(message.ringId, message);
    }
  }

  #settle(sequence: number, outcome: Outcome): void {
    this.#waiting.get(sequence)?.(outcome);
    this.#waiting.delete(sequence);
  }

  #resolveGreeting(ringId: string, welcome: Welcome): void {
    this.#greeting.get(ringId)?.(welcome);
    this.#greeting.delete(ringId);
  }

  #disconnect(port: MessagePort | undefined): void {
    if (port === undefined || port !== this.#port) return;
    this.#port = undefined;
    this.#connected = Promise.withResolvers();
    for (const sequence of [...this.#waiting.keys()]) this.#settle(sequence, { kind: 'lost' });
    for (const ringId of [...this.#greeting.keys()]) this.#resolveGreeting(ringId, 'lost');
  }
}
