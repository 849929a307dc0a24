/** The second card of the emulated machine: nothing takes what it sends. */
import { createSocket } from 'node:dgram';
import { readFileSync } from 'node:fs';
import type { Finding } from '../report.ts';
import { document } from './agent.ts';
import { ok, run, wrong } from './commands.ts';

const CARD = 'eth1';
/**
 * Beyond what the buffers of two sockets of the host have room for; and from many sockets, because each has a limit on what waits to be sent,
 * which is below what the card's ring has room for.
 */
const [SOCKETS, PACKETS, PACKET_BYTES] = [16, 40, 60_000];

/** Whether its driver has the kernel watch it. */
export function isWatched(): boolean {
  return / virtnet_tx_timeout\b/.test(readFileSync('/proc/kallsyms', 'utf8'));
}

export async function cardHangs(): Promise<Finding | undefined> {
  if (!isWatched()) return undefined;
  await run('ip', 'addr', 'add', '203.0.113.1/24', 'dev', CARD);
  await run('ip', 'link', 'set', CARD, 'up');
  const neighbour = ['203.0.113.2', 'lladdr', '02:00:00:00:00:02', 'dev', CARD];
  await run('ip', 'neigh', 'add', ...neighbour, 'nud', 'permanent');
  const packet = Buffer.alloc(PACKET_BYTES);
  const sockets = Array.from({ length: SOCKETS }, () => createSocket('udp4').on('error', () => undefined));
  for (const socket of sockets)
    for (let count = 0; count < PACKETS; count++) socket.send(packet, 9, '203.0.113.2', () => undefined);
  const found = await document('netdev_txqueue_timeout', ({ text }) => text.includes(`"${CARD}"`));
  const log = await run('dmesg');
  for (const socket of sockets) socket.close();
  await run('ip', 'link', 'set', CARD, 'down');
  if (!found) return wrong('no document of a network card that hangs');
  return /NETDEV WATCHDOG.*eth1|eth1.*NETDEV WATCHDOG/.test(log) && found.text.includes('virtio_net')
    ? ok("a network card that hangs, with its driver, against the kernel's log")
    : wrong(`a network card that hangs: ${found.text}`);
}
