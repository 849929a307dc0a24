/**
 * /proc/<pid>/net/udp and udp6: udp4_format_sock() in net/ipv4/udp.c.
 * ` 1234: 0100007F:0035 00000000:0000 07 00000000:00000000 00:00000000 …`: the fifth word is what waits to be sent and to be read.
 */
import { hexadecimal } from './numbers.ts';

export interface UdpQueues {
  readonly sockets: number;
  readonly transmit_bytes: number;
  readonly receive_bytes: number;
}

const QUEUES = 4;

/** Sums over all sockets. Lines of another shape are passed over. */
export function parseUdpSockets(text: string): UdpQueues {
  const sum = { sockets: 0, transmit_bytes: 0, receive_bytes: 0 };
  for (const line of text.split('\n').slice(1)) {
    const queues = wordAt(line, QUEUES);
    const colon = queues.indexOf(':');
    const transmit = hexadecimal(queues.slice(0, Math.max(colon, 0)));
    const receive = hexadecimal(queues.slice(colon + 1));
    if (transmit === undefined || receive === undefined) continue;
    sum.sockets += 1;
    sum.transmit_bytes += transmit;
    sum.receive_bytes += receive;
  }
  return sum;
}

/** Without splitting the rest, which is longer. */
function wordAt(line: string, index: number): string {
  let start = 0;
  for (let word = 0; ; word++) {
    while (line[start] === ' ') start += 1;
    const space = line.indexOf(' ', start);
    const end = space === -1 ? line.length : space;
    if (word === index || end === line.length) return word === index ? line.slice(start, end) : '';
    start = end;
  }
}
