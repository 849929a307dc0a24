/**
 * What the kernel saw, without asking the agent: the maps of every flood object that an agent of this run has loaded, held
 * by this process, so that they outlive an agent that is killed.
 *
 *   .bss              next_sequence: events that the program attempted, counted beside the ledger and not by it
 *   ledger            what was produced, dropped where the ring was full, rate limited
 *   ledger_commits    what the reader says it has journalled
 *   events            both positions of the ring: what nobody has read
 */
import { readdirSync, readFileSync } from 'node:fs';
import koffi from 'koffi';
import { type KernelCounts, readKernelCounts } from '../../src/agent/ring-ledger.ts';
import { COMMIT_SLOTS_WORDS, type Commit, readCommit } from '../../src/decoder/ledger.ts';
import { libbpf } from '../../src/kernel/libbpf.ts';
import { closeFd, PROT_READ } from '../../src/kernel/libc.ts';
import { MappedWords, RingPositions } from '../../src/kernel/ring-view.ts';

/** Of one ring; exact when neither a program nor a reader is at work. */
export interface RingCounts extends KernelCounts, Omit<Commit, 'position'> {
  readonly attempted: bigint;
  /** Bytes since the ring was made: committed, and reserved. */
  readonly consumer: bigint;
  readonly producer: bigint;
}

const MAP_INFO_BYTES = 88;
const NAME = { offset: 24, bytes: 16 };
const BTF_ID_OFFSET = 64;
const BPF_MAP_TYPE_RINGBUF = 27;
const RING_TYPE = new RegExp(`^map_type:\\s${BPF_MAP_TYPE_RINGBUF}$`, 'm');
/** The agent has a ring of its own, for cgroups (bpf/agent/cgroups.bpf.c); nothing else tells it from the flood's. */
const AGENT_RING = /^max_entries:\s2097152$/m;
const ATTEMPTS = 100;

class Ring implements Disposable {
  readonly id: number;
  readonly #fds: ReadonlyMap<string, number>;
  readonly #positions: RingPositions;
  readonly #commits: MappedWords;

  constructor(id: number, fds: ReadonlyMap<string, number>) {
    this.id = id;
    this.#fds = fds;
    this.#positions = new RingPositions(this.#fd('events'));
    this.#commits = new MappedWords(this.#fd('ledger_commits'), 0, COMMIT_SLOTS_WORDS, PROT_READ);
  }

  #fd(name: string): number {
    const fd = this.#fds.get(name);
    if (fd === undefined) throw new Error(`no map ${name} beside ring ${this.id}`);
    return fd;
  }

  read(): RingCounts {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const { consumer, producer } = this.#positions;
      const commit = readCommit(this.#commits.words, consumer);
      if (!commit) continue;
      const { journalled, malformed } = commit;
      const attempted = this.#attempted();
      return {
        attempted,
        ...readKernelCounts(this.#fd('ledger')),
        journalled,
        malformed,
        consumer,
        producer,
      };
    }
    throw new Error(`ring ${this.id} has no ledger entry for its consumer position`);
  }

  #attempted(): bigint {
    const value = new BigUint64Array(1);
    const result = libbpf().bpf_map_lookup_elem(this.#fd('.bss'), new Uint8Array(4), asBytes(value));
    if (result < 0) throw new Error(`.bss of ring ${this.id} cannot be read: ${result}`);
    return value[0]!;
  }

  [Symbol.dispose](): void {
    this.#positions[Symbol.dispose]();
    this.#commits[Symbol.dispose]();
    for (const fd of this.#fds.values()) closeFd(fd);
  }
}

function asBytes(words: BigUint64Array): Uint8Array {
  return new Uint8Array(words.buffer);
}

export class Witness implements Disposable {
  readonly #rings = new Map<number, Ring>();
  readonly #open: (id: number) => number;

  constructor() {
    this.#open = koffi.load('libbpf.so.1').func('int bpf_map_get_fd_by_id(uint32_t id)');
  }

  /**
   * Looks at what a process has open. Call it while the process has one flood object: between two reloads.
   * @returns id of its ring; undefined while there is none, or more than one
   */
  look(pid: number): number | undefined {
    const { rings, others } = mapsOf(pid);
    const [id] = rings;
    if (id === undefined || rings.size > 1) return undefined;
    if (this.#rings.has(id)) return id;
    const opened = [id, ...others].map((map) => this.#open(map)).filter((fd) => fd >= 0);
    const maps = opened.map((fd) => ({ fd, ...describe(fd) }));
    // The flood's object is the only one with a .bss and a ledger, and all maps of an object that have types have its BTF.
    const ledgers = new Set(maps.filter(({ role }) => role === 'ledger_commits').map(({ btf }) => btf));
    const flood = maps.find(({ role, btf }) => role === '.bss' && ledgers.has(btf));
    const isOurs = ({ role, btf }: MapDescription): boolean =>
      role === 'events' || (role !== undefined && btf === flood?.btf);
    for (const map of maps) if (!isOurs(map)) closeFd(map.fd);
    this.#rings.set(id, new Ring(id, new Map(maps.filter(isOurs).map(({ role = '', fd }) => [role, fd]))));
    return id;
  }

  get rings(): readonly number[] {
    return [...this.#rings.keys()];
  }

  /** @throws when no look has found it */
  read(id: number): RingCounts {
    const ring = this.#rings.get(id);
    if (!ring) throw new Error(`nobody has seen ring ${id}`);
    return ring.read();
  }

  [Symbol.dispose](): void {
    for (const ring of this.#rings.values()) ring[Symbol.dispose]();
  }
}

/** Libbpf puts the object's name in front of that of a data section. */
function roleOf(name: string): string | undefined {
  if (name.endsWith('.bss')) return '.bss';
  return ['events', 'ledger', 'ledger_commits'].find((known) => known === name);
}

interface MapDescription {
  readonly role: string | undefined;
  /** Id of its object's BTF; 0 for a ring. */
  readonly btf: number;
}

function describe(fd: number): MapDescription {
  const info = new Uint8Array(MAP_INFO_BYTES);
  libbpf().bpf_obj_get_info_by_fd(fd, info, Uint32Array.of(info.byteLength));
  const name = Buffer.from(info.buffer, NAME.offset, NAME.bytes).toString('latin1');
  const btf = new DataView(info.buffer).getUint32(BTF_ID_OFFSET, true);
  return { role: roleOf(name.split('\0')[0] ?? ''), btf };
}

/** Ids of the maps among a process's files. */
function mapsOf(pid: number): { readonly rings: ReadonlySet<number>; readonly others: ReadonlySet<number> } {
  const [rings, others] = [new Set<number>(), new Set<number>()];
  const directory = `/proc/${pid}/fdinfo`;
  for (const name of readdirSync(directory)) {
    let text: string;
    try {
      text = readFileSync(`${directory}/${name}`, 'utf8');
    } catch {
      // Closed since the directory was read.
      continue;
    }
    const id = /^map_id:\s(\d+)$/m.exec(text)?.[1];
    if (id === undefined || (RING_TYPE.test(text) && AGENT_RING.test(text))) continue;
    (RING_TYPE.test(text) ? rings : others).add(Number(id));
  }
  return { rings, others };
}
