/**
 * The names of everything in the kernel's own BTF: types, members, functions, parameters. Whether it has one of them is a search
 * through bytes, which takes a tenth of a millisecond where parsing 100,000 types takes ten.
 */
import { closeSync, openSync, readSync } from 'node:fs';

/** The header of BTF up to the place of the strings (Documentation/bpf/btf.rst). */
const HEADER_BYTES = 24;

/** 2 MB that many objects ask for when an agent starts, and that are not worth keeping after that. */
const read = new Map<string, WeakRef<Buffer>>();

/**
 * @param path where the kernel's BTF is; it does not change while the kernel runs
 * @returns tells whether it has a name
 */
export function kernelNames(path: string): (name: string) => boolean {
  const names = read.get(path)?.deref() ?? readNames(path);
  read.set(path, new WeakRef(names));
  return (name) => names.includes(`\0${name}\0`);
}

/** The strings alone: a read of sysfs gives no more than a page. */
function readNames(path: string): Buffer {
  const fd = openSync(path, 'r');
  try {
    const header = readAt(fd, 0, HEADER_BYTES);
    return readAt(fd, header.readUInt32LE(4) + header.readUInt32LE(16), header.readUInt32LE(20));
  } finally {
    closeSync(fd);
  }
}

function readAt(fd: number, offset: number, bytes: number): Buffer {
  const buffer = Buffer.alloc(bytes);
  let done = 0;
  for (let got = -1; done < bytes && got !== 0; done += got)
    got = readSync(fd, buffer, done, bytes - done, offset + done);
  return buffer;
}
