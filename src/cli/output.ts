/** The two streams of a command. */
import { once } from 'node:events';

/** Data. */
export function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** Everything that is not what was asked for. */
export function complain(text: string): void {
  process.stderr.write(`huatuo: ${text}\n`);
}

/** As `print`, without the end of the line; resolves when the reader has taken it: a pipe that is slow shall not fill memory. */
export async function write(text: string): Promise<void> {
  if (!process.stdout.write(text)) await once(process.stdout, 'drain');
}

/** Resolves when the readers of both streams have what was written: a pipe takes 64 KiB at once, and process.exit() drops the rest. */
export async function flushed(): Promise<void> {
  const written = (stream: NodeJS.WriteStream): Promise<void> =>
    new Promise((resolve) => stream.write('', () => resolve()));
  await Promise.all([process.stdout, process.stderr].map(written));
}
