/** A docker that has no containers, and can be made to answer what no docker would. */
import { rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';

export type EngineFailure = 'floods' | 'hangs' | 'babbles';

const HEAD = 'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n';
/** As much as the agent takes, in brackets: as deep as JSON can be. */
const FLOOD = Buffer.alloc(16 << 20, '[');

export class Engine implements Disposable {
  readonly socket: string;
  readonly #server: Server;
  readonly #clients = new Set<Socket>();
  failure: EngineFailure | undefined;

  /** @param socket path at which it listens */
  constructor(socket: string) {
    this.socket = socket;
    this.#server = createServer((client) => {
      this.#clients.add(client);
      client.on('error', () => undefined).on('close', () => this.#clients.delete(client));
      client.once('data', () => this.#answer(client));
    });
    this.#server.listen(socket).unref();
  }

  #answer(client: Socket): void {
    if (this.failure === 'hangs') return;
    if (this.failure === 'babbles') client.end('\x00\xff{"HTTP": 1.1}]\r\n\r\n');
    else if (this.failure === 'floods') client.write(HEAD, () => client.end(FLOOD));
    else client.end(`${HEAD}[]`);
  }

  [Symbol.dispose](): void {
    for (const client of this.#clients) client.destroy();
    this.#server.close();
    rmSync(this.socket, { force: true });
  }
}
