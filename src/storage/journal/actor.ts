/**
 * The journal as an actor: one MessagePort for each collector, batches in, answers out.
 *
 *   oom ────port──► [b b]  ┐
 *   iotracing ────► [b b b]├─ one message of each in turn ──► write ──► ack + buffer back
 *   softirq ──────► [ ]    ┘                                     └────► refused + buffer back
 *
 * Taking turns is done here because a port does not: Node delivers up to a thousand messages of one port before it
 * looks at the next, so a collector at full speed would hold up a quiet one. A collector that hangs holds up no other:
 * answering is a post, never a wait. The queues are bounded by the senders' buffer pools and by MAX_QUEUED.
 */
import type { MessagePort } from 'node:worker_threads';
import { HuatuoError } from '../../error.ts';
import type { Log } from '../../sdk/context.ts';
import { checkMessage, type Rejected, reject } from './check-message.ts';
import type { Journal } from './journal.ts';
import type { BatchMessage, FromJournal } from './protocol.ts';
import { RingHistory } from './ring-history.ts';
import type { JournalTracerStatus } from './stream.ts';

const MAX_QUEUED = 64;

export interface JournalStatus {
  readonly tracers: Readonly<Record<string, JournalTracerStatus>>;
  /** Messages outside the protocol: of a wrong shape, or too many at once. */
  readonly rejected_messages: number;
}

/** What the supervisor may ask of the journal's thread (src/actor/rpc.ts). */
export interface JournalControl {
  /** Serves a collector on `port` until that is closed; a former port of the same collector is closed. */
  connect(collector: string, port: MessagePort): void;
  /** Closes the port of a collector that is no longer configured. */
  forget(collector: string): void;
  status(): JournalStatus;
  /** Resolves when every acknowledged document is on the disk. */
  flush(): Promise<void>;
  /** Writes what is queued, syncs, closes the ports and the files. */
  close(): Promise<void>;
}

interface Connection {
  readonly collector: string;
  readonly port: MessagePort;
  readonly queue: unknown[];
  open: boolean;
  /** The first rejection was logged. */
  warned: boolean;
}

export class JournalActor implements JournalControl {
  readonly #journal: Journal;
  readonly #log: Log;
  readonly #rings = new RingHistory();
  readonly #connections = new Set<Connection>();
  #rejected_messages = 0;
  #scheduled = false;

  /** @param journal becomes the actor's: `close` closes it */
  constructor(journal: Journal, log: Log) {
    this.#journal = journal;
    this.#log = log;
  }

  connect(collector: string, port: MessagePort): void {
    this.forget(collector);
    const connection: Connection = { collector, port, queue: [], open: true, warned: false };
    this.#connections.add(connection);
    port.on('message', (data: unknown) => this.#receive(connection, data));
    port.on('close', () => {
      connection.open = false;
      this.#schedule();
    });
  }

  forget(collector: string): void {
    for (const { collector: name, port } of this.#connections) if (name === collector) port.close();
  }

  status(): JournalStatus {
    return { tracers: this.#journal.status(), rejected_messages: this.#rejected_messages };
  }

  flush(): Promise<void> {
    return this.#journal.flush();
  }

  async close(): Promise<void> {
    while (this.#takeTurns()) {}
    for (const { port } of this.#connections) port.close();
    this.#connections.clear();
    await this.#journal.close();
  }

  #receive(connection: Connection, data: unknown): void {
    if (connection.queue.length < MAX_QUEUED) {
      connection.queue.push(data);
      this.#schedule();
    } else {
      post(connection, this.#refuse(connection, reject(data, tooMany())));
    }
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      if (this.#takeTurns()) this.#schedule();
    });
  }

  /** Handles one message of each connection; true when messages are left. A closed port's batches are still written. */
  #takeTurns(): boolean {
    let left = false;
    for (const connection of this.#connections) {
      if (connection.queue.length > 0) post(connection, this.#handle(connection, connection.queue.shift()));
      if (connection.queue.length > 0) left = true;
      else if (!connection.open) this.#connections.delete(connection);
    }
    return left;
  }

  #handle(connection: Connection, data: unknown): FromJournal {
    const message = checkMessage(data);
    switch (message.type) {
      case 'hello':
        return { type: 'welcome', ringId: message.ringId, written: this.#rings.recent(message.ringId) };
      case 'rejected':
        return this.#refuse(connection, message);
      case 'batch':
        return this.#write(message);
    }
  }

  #write({ sequence, tracer, buffer, bytes, documents, ring }: BatchMessage): FromJournal {
    try {
      if (ring && this.#rings.covers(ring)) {
        this.#journal.countRepeated(tracer);
      } else {
        // A range without documents (all of it malformed) is remembered, and nothing is written.
        if (bytes > 0) this.#journal.append(tracer, new Uint8Array(buffer, 0, bytes), documents);
        if (ring) this.#rings.add(ring);
      }
      return { type: 'ack', sequence, buffer };
    } catch (error) {
      return { type: 'refused', sequence, buffer, error: HuatuoError.toWire(error) };
    }
  }

  #refuse(connection: Connection, { sequence, buffer, error }: Rejected): FromJournal {
    this.#rejected_messages++;
    if (!connection.warned)
      this.#log.warn('rejected a message; later ones are only counted', {
        collector: connection.collector,
        error,
      });
    connection.warned = true;
    return { type: 'refused', sequence, buffer, error: HuatuoError.toWire(error) };
  }
}

function tooMany(): HuatuoError {
  return new HuatuoError('JOURNAL_FAILED', {
    expected: `at most ${MAX_QUEUED} unanswered messages of a collector`,
    found: 'one more',
    remedy: 'wait for the answers before sending more',
  });
}

/** Posts an answer, its buffer moved. A port that was closed meanwhile drops it. */
function post({ port }: Connection, message: FromJournal): void {
  port.postMessage(message, message.type === 'welcome' ? [] : [message.buffer]);
}
