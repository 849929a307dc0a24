/**
 * Runs BPF programs on tracepoints' arguments that a test makes up, where nothing triggers the tracepoint: the kernel's own
 * BPF_PROG_TEST_RUN, with memory of the kernel for what the arguments point to, laid out by its own BTF.
 */
import { execFileSync } from 'node:child_process';
import koffi from 'koffi';
import { lastErrno, libbpf } from '../../src/kernel/libbpf.ts';
import { closeFd } from '../../src/kernel/libc.ts';
import { LoadedFixture } from './loaded-object.ts';

/** As bpf/kernel_memory.bpf.c of the fixture tells them. */
const OFFSETS = [
  'net_device.name',
  'net_device.ifindex',
  'net_device.nd_net',
  'net.inum',
  'net_device.parent',
  'device.driver',
  'arm.affinity_level',
  'arm.mpidr',
  'arm.midr',
  'arm.running_state',
  'arm.psci_state',
] as const;
const libc = koffi.load('libc.so.6');
const bpf = libc.func('long syscall(long number, int command, uint8_t *attributes, unsigned int size)');
const SYS_BPF = process.arch === 'arm64' ? 280 : 321;
const BPF_PROG_TEST_RUN = 10;
const BPF_PROG_GET_FD_BY_ID = 13;
/** `union bpf_attr`, member `test`, as far as it is used. */
const ATTRIBUTE_BYTES = 80;
const CONTEXT_SIZE_OFFSET = 40;
const CONTEXT_OFFSET = 48;
const MAX_ARGUMENTS = 12;

const BYTES = 16_384;
const FIRST = new Uint8Array(4);
/** The kernel keeps this much of a program's name; bpftool may know the rest from the program's types. */
const NAME_BYTES = 15;

type OffsetName = (typeof OFFSETS)[number];

export class KernelMemory implements Disposable {
  readonly #fixture: LoadedFixture;
  readonly #content = Buffer.alloc(BYTES);
  readonly #address: bigint;
  readonly #offsets: ReadonlyMap<string, number>;
  #used = 0;

  private constructor(fixture: LoadedFixture) {
    this.#fixture = fixture;
    runProgram('tell', []);
    const known = Buffer.alloc(8 * (1 + OFFSETS.length));
    libbpf().bpf_map_lookup_elem(fixture.mapFd('known'), FIRST, known);
    this.#address = known.readBigUInt64LE(0);
    this.#offsets = new Map(OFFSETS.map((name, i) => [name, Number(known.readBigUInt64LE(8 * (i + 1)))]));
  }

  static async allocate(): Promise<KernelMemory> {
    return new KernelMemory(await LoadedFixture.load('collectors/memory', 'kernel_memory'));
  }

  offset(name: OffsetName): number {
    return this.#offsets.get(name) ?? 0;
  }

  /** @returns the kernel's address of a copy */
  put(bytes: Uint8Array): bigint {
    const start = this.#used;
    if (start + bytes.byteLength > BYTES) throw new Error('the fixture has less memory');
    this.#content.set(bytes, start);
    this.#used = (start + bytes.byteLength + 7) & ~7;
    libbpf().bpf_map_update_elem(this.#fixture.mapFd('memory'), FIRST, this.#content, 0);
    return this.#address + BigInt(start);
  }

  text(text: string): bigint {
    return this.put(Buffer.from(`${text}\0`));
  }

  [Symbol.dispose](): void {
    this.#fixture[Symbol.dispose]();
  }
}

/**
 * Runs the newest program of that name once (BPF_PROG_TEST_RUN of include/uapi/linux/bpf.h; bpftool adds what it refuses).
 * @param args of the tracepoint; those of less than 64 bits as the kernel widens them
 */
export function runProgram(name: string, args: readonly bigint[]): void {
  const context = Buffer.alloc(MAX_ARGUMENTS * 8);
  for (const [index, value] of args.entries()) context.writeBigUInt64LE(BigInt.asUintN(64, value), index * 8);
  const fd = programFd(name);
  try {
    const attributes = Buffer.alloc(ATTRIBUTE_BYTES);
    attributes.writeInt32LE(fd);
    attributes.writeUInt32LE(context.byteLength, CONTEXT_SIZE_OFFSET);
    attributes.writeBigUInt64LE(koffi.address(context) as bigint, CONTEXT_OFFSET);
    const result = bpf(SYS_BPF, BPF_PROG_TEST_RUN, attributes, ATTRIBUTE_BYTES);
    if (result !== 0) throw new Error(`${name} was not run: ${lastErrno()}`);
  } finally {
    closeFd(fd);
  }
}

function programFd(name: string): number {
  const programs = JSON.parse(execFileSync('bpftool', ['-j', 'prog', 'list'], { encoding: 'utf8' })) as {
    readonly id: number;
    readonly name?: string;
  }[];
  const program = programs.findLast(
    (candidate) => candidate.name === name || candidate.name === name.slice(0, NAME_BYTES),
  );
  if (!program) throw new Error(`no program ${name}`);
  const attributes = Buffer.alloc(ATTRIBUTE_BYTES);
  attributes.writeUInt32LE(program.id);
  const fd = bpf(SYS_BPF, BPF_PROG_GET_FD_BY_ID, attributes, ATTRIBUTE_BYTES) as number;
  if (fd < 0) throw new Error(`${name} was not found: ${lastErrno()}`);
  return fd;
}
