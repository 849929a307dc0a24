/** flock(2): a lock that belongs to the open file, so it goes with the process however that ends. */
import { closeSync } from 'node:fs';
import { lockFile } from './libc.ts';

/**
 * Takes the lock without waiting.
 * @param fd becomes the lock's, and is closed when it cannot be had
 * @returns the lock, or the errno
 */
export function holdLock(fd: number): Disposable | number {
  const errno = lockFile(fd);
  if (errno === 0) return { [Symbol.dispose]: () => closeSync(fd) };
  closeSync(fd);
  return errno;
}
