/** Where there may be an engine to ask, and whether there is; small files that others write. */
import { constants, type Stats, statSync } from 'node:fs';
import { open } from 'node:fs/promises';

export function isSocket(path: string): boolean {
  return look(path)?.isSocket() ?? false;
}

export function isDirectory(path: string): boolean {
  return look(path)?.isDirectory() ?? false;
}

/** A URL as people may see it: without the user and password that may stand in it. */
export function urlPlace(url: string): string {
  if (!URL.canParse(url)) return 'not a URL';
  const { protocol, host, pathname } = new URL(url);
  return `${protocol}//${host}${pathname.replace(/\/+$/, '')}`;
}

/** Whatever is in the way of looking, the source cannot be asked there. */
function look(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}

/** An OCI configuration with a long seccomp profile and a thousand mounts is a tenth of it. */
const MAX_FILE_BYTES = 4 * 1024 * 1024;

/**
 * @param former version of the last reading; when the file has not been written since, the text is left out
 * @throws the errno's error; EFBIG for more than 4 MiB. A FIFO or device is EINVAL, a symbolic link ELOOP
 */
export async function readSmallFile(path: string, former: string | undefined): Promise<SmallFile> {
  // Without O_NONBLOCK, opening a FIFO would hold one of the process's file threads until a writer comes.
  await using file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW);
  const { ino, size, mtimeNs, ...stat } = await file.stat({ bigint: true });
  if (!isFile(stat.mode)) throw errno('EINVAL', `${path} is no regular file`);
  if (size > MAX_FILE_BYTES) throw errno('EFBIG', `${path} has ${size} bytes`);
  const version = `${ino} ${size} ${mtimeNs}`;
  if (version === former) return { version };
  const buffer = Buffer.alloc(Number(size));
  const { bytesRead } = await file.read(buffer, 0, buffer.length, 0);
  return { version, text: buffer.toString('utf8', 0, bytesRead) };
}

interface SmallFile {
  /** Inode, size and time: another text has another one. */
  readonly version: string;
  readonly text?: string;
}

function isFile(mode: bigint): boolean {
  return (Number(mode) & constants.S_IFMT) === constants.S_IFREG;
}

function errno(code: string, message: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${code}: ${message}`), { code });
}
