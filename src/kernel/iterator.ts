/**
 * BPF iterators: a program that the kernel runs once for each task, or each cgroup below one, while its output is read.
 *
 *   link (program, what to iterate over) ──► iterator fd ──read──► what bpf_seq_write() has written, to the end
 *
 * Each run has a link of its own, and the reads are made in libuv's pool: they run the program.
 */
import { closeSync, constants, openSync, read } from 'node:fs';
import { promisify } from 'node:util';
import { HuatuoError } from '../error.ts';
import { errnoName, iteratorOptions, type Libbpf, lastErrno, type Pointer } from './libbpf.ts';
import { closeFd } from './libc.ts';

const readFd = promisify(read);

/** The kernel fills at most 32 KiB in one read. */
const READ_BYTES = 32 * 1024;
/** Of one run: 160 bytes for each of a hundred thousand tasks. */
export const MAX_ITERATION_BYTES: number = 16 << 20;
/** BPF_CGROUP_ITER_DESCENDANTS_PRE: the cgroup, then what is below it. */
const DESCENDANTS = 2;

/**
 * Runs an iterator to its end.
 * @param program loaded, of a section `iter/…`
 * @param cgroup directory of the cgroup to begin with; only for `iter/cgroup`
 * @returns all it has written, at most `maxBytes`
 * @throws ATTACH_FAILED, SYSCALL_FAILED
 */
export async function runIterator(
  api: Libbpf,
  program: Pointer,
  cgroup: string | undefined,
  maxBytes: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const name = api.bpf_program__name(program);
  const link = attach(api, program, cgroup);
  if (typeof link === 'string') throw failed('ATTACH_FAILED', name, link);
  try {
    const fd = api.bpf_iter_create(api.bpf_link__fd(link));
    if (fd < 0) throw failed('SYSCALL_FAILED', name, errnoName(fd));
    try {
      return await readAll(fd, name, maxBytes);
    } finally {
      closeFd(fd);
    }
  } finally {
    api.bpf_link__destroy(link);
  }
}

/** @returns the name of an errno when the kernel refuses */
function attach(api: Libbpf, program: Pointer, cgroup: string | undefined): Pointer | string {
  if (cgroup === undefined) return api.bpf_program__attach_iter(program, null) ?? lastErrno();
  const directory = openSync(cgroup, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    // `struct { order; cgroup_fd; cgroup_id; }` of union bpf_iter_link_info.
    const info = new Uint8Array(Uint32Array.of(DESCENDANTS, directory, 0, 0).buffer);
    return api.bpf_program__attach_iter(program, iteratorOptions(info)) ?? lastErrno();
  } finally {
    // The link holds the cgroup.
    closeSync(directory);
  }
}

async function readAll(fd: number, name: string, maxBytes: number): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array[] = [];
  for (let bytes = 0; ; ) {
    const { bytesRead, buffer } = await readFd(fd, new Uint8Array(READ_BYTES), 0, READ_BYTES, null);
    if (bytesRead === 0) return Uint8Array.from(Buffer.concat(chunks));
    bytes += bytesRead;
    if (bytes > maxBytes) throw failed('SYSCALL_FAILED', name, `more than ${maxBytes} bytes`);
    chunks.push(buffer.subarray(0, bytesRead));
  }
}

function failed(code: 'ATTACH_FAILED' | 'SYSCALL_FAILED', program: string, found: string): HuatuoError {
  return new HuatuoError(code, {
    expected: `what the iterator ${program} writes`,
    found,
    remedy: 'write less for each task or cgroup, or see huatuo list for what this kernel offers',
  });
}
