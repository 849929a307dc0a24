/** A stand-in for kubelet on loopback, with certificates from a CA that is made for the test. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer as plainServer, type RequestListener, type Server } from 'node:http';
import { type ServerOptions, createServer as tlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generate } from 'selfsigned';

export interface Pair {
  readonly key: string;
  readonly cert: string;
}

const KIND = { keyType: 'ec', algorithm: 'sha256' } as const;

export async function certificateAuthority(commonName: string): Promise<Pair> {
  const made = await generate([{ name: 'commonName', value: commonName }], {
    ...KIND,
    extensions: [
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'keyUsage', keyCertSign: true, critical: true },
    ],
  });
  return { key: made.private, cert: made.cert };
}

/** @param names what the certificate is for: an IPv4 address or a DNS name */
export async function certificate(
  ca: Pair,
  commonName: string,
  names: readonly string[],
  validity: { notBeforeDate?: Date; notAfterDate?: Date } = {},
): Promise<Pair> {
  const altNames = names.map((name) =>
    /^[\d.]+$/.test(name) ? { type: 7 as const, ip: name } : { type: 2 as const, value: name },
  );
  const made = await generate([{ name: 'commonName', value: commonName }], {
    ...KIND,
    ...validity,
    ca,
    extensions: [{ name: 'subjectAltName', altNames }],
  });
  return { key: made.private, cert: made.cert };
}

export class KubeletServer implements AsyncDisposable {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  connections = 0;

  private constructor(server: Server) {
    this.#server = server;
    server.on('connection', (socket) => {
      this.connections++;
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
      socket.on('error', () => undefined);
    });
  }

  /** @param tls without it, the server speaks plain http */
  static async start(answer: RequestListener, tls?: ServerOptions): Promise<KubeletServer> {
    const server = tls ? tlsServer(tls, answer) : plainServer(answer);
    const started = new KubeletServer(server);
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
    return started;
  }

  /** `127.0.0.1:<port>` */
  get host(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Connections that are open now. */
  get open(): number {
    return this.#sockets.size;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((closed) => this.#server.close(closed));
  }
}

/** A directory of small files that is gone after the test. */
export class Files implements Disposable {
  readonly directory: string = mkdtempSync(join(tmpdir(), 'huatuo-kubelet-'));

  /** @returns its path */
  write(name: string, content: string): string {
    const path = join(this.directory, name);
    writeFileSync(path, content, { mode: 0o600 });
    return path;
  }

  [Symbol.dispose](): void {
    rmSync(this.directory, { recursive: true });
  }
}
