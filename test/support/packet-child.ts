/** Child process of packet-stage.ts: sends frames as they are, and has sockets that nobody reads, in its network namespace. */
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import koffi from 'koffi';
import type { PacketAnswer, PacketRequest } from './packet-stage.ts';

const libc = koffi.load('libc.so.6');
const socket = libc.func('int socket(int domain, int type, int protocol)');
const bind = libc.func('int bind(int fd, const uint8_t *address, uint32_t length)');
const sendto = libc.func(
  'int64_t sendto(int fd, const uint8_t *data, size_t length, int flags, const uint8_t *address, uint32_t bytes)',
);
const setsockopt = libc.func(
  'int setsockopt(int fd, int level, int name, const int *value, uint32_t length)',
);

const AF_INET = 2;
const AF_PACKET = 17;
const SOCK_DGRAM = 2;
const SOCK_RAW = 3;
const SOL_SOCKET = 1;
const SO_RCVBUF = 8;
const ETH_P_ALL_SWAPPED = 0x0300;

function checked(result: number, what: string): number {
  if (result < 0) throw new Error(`${what}: errno ${koffi.errno()}`);
  return result;
}

/** `struct sockaddr_ll` of a device. */
function linkAddress(index: number): Uint8Array {
  const address = new DataView(new ArrayBuffer(20));
  address.setUint16(0, AF_PACKET, true);
  address.setUint16(2, ETH_P_ALL_SWAPPED, true);
  address.setInt32(4, index, true);
  return new Uint8Array(address.buffer);
}

function linkIndex(device: string): number {
  const text = execFileSync('ip', ['-o', 'link', 'show', 'dev', device], { encoding: 'utf8' });
  return Number.parseInt(text, 10);
}

let raw = -1;
const servers: Server[] = [];

const requests: {
  [Verb in PacketRequest['verb']]: (
    request: Extract<PacketRequest, { verb: Verb }>,
  ) => number | Promise<number>;
} = {
  run({ command }) {
    const [program = '', ...args] = command;
    execFileSync(program, args, { stdio: ['ignore', 'ignore', 'inherit'] });
    return 0;
  },
  send({ frame, times }) {
    const data = Buffer.from(frame, 'hex');
    // Protocol 0: nothing is received.
    if (raw < 0) raw = checked(socket(AF_PACKET, SOCK_RAW, 0), 'socket');
    const address = linkAddress(linkIndex('near'));
    for (let index = 0; index < times; index++)
      checked(Number(sendto(raw, data, data.length, 0, address, address.length)), 'sendto');
    return times;
  },
  async serve({ port }) {
    const server = createServer().listen(port, '192.0.2.2');
    servers.push(server);
    await once(server, 'listening');
    return 0;
  },
  listen({ port, rcvbuf }) {
    const fd = checked(socket(AF_INET, SOCK_DGRAM, 0), 'socket');
    checked(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, [rcvbuf], 4), 'setsockopt');
    const address = new DataView(new ArrayBuffer(16));
    address.setUint16(0, AF_INET, true);
    address.setUint16(2, port);
    checked(bind(fd, new Uint8Array(address.buffer), 16), 'bind');
    return fd;
  },
};

process.on('message', async (request: PacketRequest) => {
  let answer: PacketAnswer;
  try {
    const run = requests[request.verb] as (request: PacketRequest) => number | Promise<number>;
    answer = { value: await run(request) };
  } catch (error) {
    answer = { error: String(error) };
  }
  process.send?.(answer);
});
process.on('disconnect', () => process.exit());
process.send?.({ value: 0 } satisfies PacketAnswer);
