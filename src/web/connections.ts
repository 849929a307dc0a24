/**
 * The connections that are open, over all addresses of the server: how many there may be, and which one goes for a new one.
 *
 *   a new one, no room ──► ends the one that is idle for longest, or one whose client does not take its answer
 *                          ├─ rather one that is so for a while: a scrape has said nothing yet when it has just come
 *                          └─ of the same client when that has its share, else of the client with most connections
 *                     ──► when all are being answered, the new one is closed
 *
 * Requests being answered at a time and streams are fewer than a client's share, so a scrape always finds room.
 */
import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { ConnectionCounts } from '../storage/prometheus/own.ts';

interface ConnectionLimits {
  readonly total: number;
  readonly perAddress: number;
}

const CONNECTION_LIMITS: ConnectionLimits = { total: 64, perAddress: 48 };

interface Connection {
  readonly key: string;
  readonly address: string;
  readonly socket: Socket;
  readonly answers: Set<ServerResponse>;
  /** When it came, or its newest request came or was answered; by `performance.now()`. */
  since_ms: number;
}

/** An honest client has sent its request by then, or taken its answer. */
const PATIENCE_MS = 1_000;

/** `ended`: since the server was started, by what they were when another client needed the room. */
export class Connections implements ConnectionCounts {
  readonly #limits: ConnectionLimits;
  /** The one that was used least recently is first. */
  readonly #open = new Map<string, Connection>();
  readonly #ended = { idle: 0, unread: 0, refused: 0 };

  constructor(limits: ConnectionLimits = CONNECTION_LIMITS) {
    this.#limits = limits;
  }

  get open(): number {
    return this.#open.size;
  }

  get ended(): ConnectionCounts['ended'] {
    return this.#ended;
  }

  /** Takes up a connection that the server has accepted, or closes it. */
  admit(socket: Socket): void {
    const address = socket.remoteAddress ?? '';
    const connection: Connection = {
      key: keyOf(socket),
      address,
      socket,
      answers: new Set(),
      since_ms: performance.now(),
    };
    if (!this.#makeRoom(address)) {
      this.#ended.refused++;
      socket.destroy();
      return;
    }
    this.#open.set(connection.key, connection);
    socket.once('close', () => {
      if (this.#open.get(connection.key) === connection) this.#open.delete(connection.key);
    });
  }

  /** A request has come, and is being answered until the response closes. @param socket the request's; with TLS, the one on top */
  answer(socket: Socket, response: ServerResponse): void {
    const connection = this.#open.get(keyOf(socket));
    if (!connection) return;
    connection.answers.add(response);
    connection.since_ms = performance.now();
    response.once('close', () => {
      connection.answers.delete(response);
      connection.since_ms = performance.now();
      if (this.#open.get(connection.key) !== connection) return;
      this.#open.delete(connection.key);
      this.#open.set(connection.key, connection);
    });
  }

  #makeRoom(address: string): boolean {
    const byAddress = Map.groupBy(this.#open.values(), (one) => one.address);
    const own = byAddress.get(address) ?? [];
    if (own.length >= this.#limits.perAddress) return this.#endOneOf([own]);
    if (this.#open.size < this.#limits.total) return true;
    return this.#endOneOf([...byAddress.values()].sort((a, b) => b.length - a.length));
  }

  #endOneOf(clients: readonly (readonly Connection[])[]): boolean {
    const late_ms = performance.now() - PATIENCE_MS;
    for (const before_ms of [late_ms, Number.POSITIVE_INFINITY]) {
      for (const connections of clients) {
        const candidates = connections.filter(({ since_ms }) => since_ms < before_ms);
        const idle = candidates.find(isIdle);
        const one = idle ?? candidates.find(isUnread);
        if (!one) continue;
        this.#ended[idle ? 'idle' : 'unread']++;
        this.#open.delete(one.key);
        one.socket.destroy();
        return true;
      }
    }
    return false;
  }
}

/** Between two requests, before the first, or still at the head of one. */
function isIdle({ answers }: Connection): boolean {
  return answers.size === 0;
}

/** There is more of the answer than the kernel takes: the client does not read it. */
function isUnread({ answers }: Connection): boolean {
  return [...answers].every(({ headersSent, writableLength }) => headersSent && writableLength > 0);
}

/** With TLS there are two sockets for one connection; these are the same in both. */
function keyOf({ remoteAddress, remotePort, localAddress, localPort }: Socket): string {
  return `${remoteAddress} ${remotePort} ${localAddress} ${localPort}`;
}
