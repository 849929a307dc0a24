/** Child process of tcp-pair.ts: one end of a connection, in a network namespace of its own. */
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createConnection, createServer, type Socket } from 'node:net';
import type { TcpPeerAnswer, TcpPeerRequest } from './tcp-pair.ts';

let socket: Socket | undefined;
let received_bytes = 0;

/** Only what is taken out of a socket's buffer keeps its window open. */
function use(opened: Socket): void {
  socket = opened.setNoDelay(true).on('data', (chunk) => {
    received_bytes += chunk.length;
  });
  // A connection that is given up is what some tests are about.
  opened.on('error', () => {});
}

const requests: {
  [Verb in TcpPeerRequest['verb']]: (request: Extract<TcpPeerRequest, { verb: Verb }>) => Promise<number>;
} = {
  async set({ name, value }) {
    writeFileSync(`/proc/sys/net/ipv4/${name}`, value);
    return 0;
  },
  async listen({ host, port }) {
    const server = createServer(use).listen(port, host);
    await once(server, 'listening');
    return 0;
  },
  async connect({ host, port }) {
    const opened = createConnection(port, host);
    await once(opened, 'connect');
    use(opened);
    return 0;
  },
  async write({ segments, bytes }) {
    // One system call each, which TCP_NODELAY makes a segment each.
    for (let index = 0; index < segments; index++) socket?.write(Buffer.alloc(bytes, index));
    return 0;
  },
  async received() {
    return received_bytes;
  },
};

process.on('message', async (request: TcpPeerRequest) => {
  const answer = await (requests[request.verb] as (request: TcpPeerRequest) => Promise<number>)(request).then(
    (value): TcpPeerAnswer => ({ value }),
    (error: Error): TcpPeerAnswer => ({ error: error.message }),
  );
  process.send?.(answer);
});
process.on('disconnect', () => process.exit());
process.send?.({ value: 0 } satisfies TcpPeerAnswer);
