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
import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads';
import { LRUCache } from 'lru-cache';
import { HuatuoError, type WireError } from '../../error.ts';
import type { Log } from '../../sdk/context.ts';
import { checkMessage, MAX_BATCH_BYTES, type Rejected, reject } from './check-message.ts';
import type { Journal } from './journal.ts';
import type { BatchMessage, FromJournal } from './protocol.ts';
import { RingHistory } from './ring-history.ts';
import type { JournalTracerStatus } from './stream-status.ts';

const MAX_QUEUED = 64;
/** A collector has one ring, and another for what it saves. */
const MAX_REFUSED_RINGS = 8;
/** Of tracers, in a message. */
const MAX_NAMED = 8;

export interface JournalStatus {
  readonly tracers: Readonly<Record<string, JournalTracerStatus>>;
  /** Messages outside the protocol: of a wrong shape, or too many at once. */
  readonly rejected_messages: number;
  /** Why documents are not kept, or may not be, at this moment. */
  readonly error?: Pick<WireError, 'code' | 'message' | 'remedy'>;
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
  /** Where the first batch of each ring starts that was refused and has not come again. */
  readonly refused: LRUCache<string, bigint>;
  open: boolean;
  /** The first rejection was logged. */
  warned: boolean;
}

export class JournalActor implements JournalControl {
  readonly #journal: Journal;
  readonly #log: Log;
  readonly #custody: Disposable | undefined;
  readonly #rings = new RingHistory();
  readonly #connections = new Set<Connection>();
  #rejected_messages = 0;
  #scheduled = false;

  /**
   * @param journal becomes the actor's: `close` closes it
   * @param custody so does what watches over its directory
   */
  constructor(journal: Journal, log: Log, custody?: Disposable) {
    this.#journal = journal;
    this.#log = log;
    this.#custody = custody;
  }

  connect(collector: string, port: MessagePort): void {
    this.#finish(collector);
    const connection: Connection = {
      collector,
      port,
      queue: [],
      refused: new LRUCache({ max: MAX_REFUSED_RINGS }),
      open: true,
      warned: false,
    };
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
    const tracers = this.#journal.status();
    const error = this.#journal.suspension ?? failure(tracers);
    return {
      tracers,
      rejected_messages: this.#rejected_messages,
      ...(error && { error: { code: error.code, message: error.message, remedy: error.remedy } }),
    };
  }

  flush(): Promise<void> {
    return this.#journal.flush();
  }

  async close(): Promise<void> {
    this.#custody?.[Symbol.dispose]();
    while (this.#takeTurns()) {}
    for (const { port } of this.#connections) port.close();
    this.#connections.clear();
    await this.#journal.close();
  }

  /**
   * Ends the former connections of a collector. All they sent is handled before anything of their successor, which asks what is
   * written: what would be written behind that answer would be written twice.
   */
  #finish(collector: string): void {
    for (const connection of this.#connections) {
      if (connection.collector !== collector) continue;
      const { port, queue } = connection;
      while (queue.length > 0) post(connection, this.#handle(connection, queue.shift()));
      for (let sent = receiveMessageOnPort(port); sent; sent = receiveMessageOnPort(port))
        post(connection, this.#handle(connection, sent.message));
      port.close();
    }
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
        return this.#welcome(message.ringId);
      case 'rejected':
        return this.#refuse(connection, message);
      case 'batch':
        return this.#write(connection, message);
    }
  }

  #welcome(ringId: string): FromJournal {
    const limit_bytes = Math.min(MAX_BATCH_BYTES, this.#journal.limit_bytes);
    return { type: 'welcome', ringId, written: this.#rings.recent(ringId), limit_bytes };
  }

  /**
   * Behind a batch that was refused, nothing of its ring is written until that has come again: its sender goes back to where it
   * starts, and cuts what follows into other batches than those that are under way.
   */
  #write({ refused }: Connection, message: BatchMessage): FromJournal {
    const { sequence, tracer, buffer, bytes, documents, ring } = message;
    try {
      if (ring && ring.start > (refused.get(ring.id) ?? ring.start)) throw outOfTurn();
      if (ring && this.#rings.covers(ring)) {
        this.#journal.countRepeated(tracer);
      } else {
        // A range without documents (all of it malformed) is remembered, and nothing is written.
        if (bytes > 0) this.#journal.append(tracer, new Uint8Array(buffer, 0, bytes), documents);
        if (ring) this.#rings.add(ring);
      }
      if (ring) refused.delete(ring.id);
      return { type: 'ack', sequence, buffer };
    } catch (error) {
      if (ring && !refused.has(ring.id)) refused.set(ring.id, ring.start);
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

function failure(tracers: JournalStatus['tracers']): HuatuoError | undefined {
  const failing = Object.entries(tracers).filter(([, { failing }]) => failing);
  const [first] = failing;
  if (!first) return undefined;
  const [, status] = first;
  const names = failing.slice(0, MAX_NAMED).map(([tracer]) => tracer);
  const more = failing.length > MAX_NAMED ? ` and ${failing.length - MAX_NAMED} more` : '';
  return new HuatuoError('JOURNAL_FAILED', {
    found: `documents of ${names.join(', ')}${more} are refused, lost, or do not reach the disk (${status.last_error})`,
    remedy: 'see last_error of each tracer in the journal section of /api/v1/status',
  });
}

function outOfTurn(): HuatuoError {
  return new HuatuoError('JOURNAL_FAILED', {
    expected: 'the batch that was refused before this one',
    found: 'a later one of the same ring',
    remedy: 'nothing: the sender goes back to the refused one',
  });
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
