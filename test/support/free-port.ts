/** For servers whose port must be known before they start, or stay the same through several. */
import { createServer } from 'node:net';

/** @returns a port of the loopback address that nobody listens on at this moment */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address ? address.port : 0;
}
