/** What a kernel would have sampled, as bytes, and a process or two. */

import type { NamedFrame, ProcessMappings } from '../../src/decoder/frame-places.ts';
import type { MapBatch } from '../../src/decoder/maps.ts';
import { PROFILE_STACK } from '../../src/generated/agent_structs.ts';
import type { ProfileCalls, ProfileMap, ProfileRequest, RolledProfile } from '../../src/profile/protocol.ts';

export interface Sampled {
  readonly pid: number;
  readonly state?: number;
  readonly kernel?: readonly bigint[];
  readonly user?: readonly bigint[];
  readonly samples: number;
  readonly ns?: bigint;
}

export class FakeKernel implements ProfileCalls {
  readonly requests: ProfileRequest[] = [];
  readonly log: string[] = [];
  stacks: readonly Sampled[] = [];
  /** By id: name, and how often it has become another program. */
  processes = new Map<number, readonly [comm: string, program: bigint]>();
  counts: readonly (readonly [samples: bigint, lost: bigint, idle: bigint])[] = [];
  mappings = new Map<number, ProcessMappings>();
  names: (process: ProcessMappings, address: bigint) => NamedFrame | undefined = () => undefined;

  async profileStart(request: ProfileRequest): Promise<number> {
    this.requests.push(request);
    this.log.push('start');
    return 1;
  }

  before: RolledProfile | undefined;

  async profileBefore(): Promise<RolledProfile | undefined> {
    return this.before;
  }

  async diskStart(): Promise<number> {
    this.log.push('start');
    return 1;
  }

  async profileRead(_id: number, map: ProfileMap): Promise<MapBatch> {
    if (map === 'stacks') return this.#stacks();
    return map === 'processes' ? this.#processes() : this.#counts();
  }

  async profileEnd(): Promise<void> {
    this.log.push('end');
  }

  async profileFree(): Promise<void> {
    if (this.log.at(-1) !== 'free') this.log.push('free');
  }

  async kernelSymbols(): Promise<undefined> {}

  async processMappings(processes: readonly number[]): Promise<ProcessMappings[] | undefined> {
    this.log.push(`mappings of ${processes.join()}`);
    return processes.flatMap((pid) => this.mappings.get(pid) ?? []);
  }

  async processFrames(
    process: ProcessMappings,
    addresses: BigUint64Array,
  ): Promise<NamedFrame[] | undefined> {
    const names = Array.from(addresses, (address) => this.names(process, address));
    return names.every((name) => name !== undefined) ? names : undefined;
  }

  #stacks(): MapBatch {
    const keys = Buffer.alloc(this.stacks.length * PROFILE_STACK.size_bytes);
    const values = Buffer.alloc(this.stacks.length * 16);
    for (const [
      index,
      { pid, state = 0, kernel = [], user = [], samples, ns = 0n },
    ] of this.stacks.entries()) {
      const at = index * PROFILE_STACK.size_bytes;
      keys.writeUInt32LE(pid, at);
      keys.writeUInt32LE(state, at + 4);
      for (const [depth, address] of kernel.entries()) keys.writeBigUInt64LE(address, at + 8 + depth * 8);
      for (const [depth, address] of user.entries())
        keys.writeBigUInt64LE(address, at + 8 + (64 + depth) * 8);
      values.writeBigUInt64LE(BigInt(samples), index * 16);
      values.writeBigUInt64LE(ns, index * 16 + 8);
    }
    return { count: this.stacks.length, keys, values };
  }

  #processes(): MapBatch {
    const keys = Buffer.alloc(this.processes.size * 4);
    const values = Buffer.alloc(this.processes.size * 24);
    for (const [index, [pid, [comm, program]]] of [...this.processes].entries()) {
      keys.writeUInt32LE(pid, index * 4);
      values.write(comm, index * 24, 16, 'latin1');
      values.writeBigUInt64LE(program, index * 24 + 16);
    }
    return { count: this.processes.size, keys, values };
  }

  #counts(): MapBatch {
    const values = Buffer.from(BigUint64Array.from(this.counts.flat()).buffer);
    return { count: 1, keys: new Uint8Array(4), values };
  }
}

/** Of a process with one file of code, from 0x1000 to 0x2000. */
export function mappingsOf(process: number, path = '/app'): ProcessMappings {
  const mapping = { start: 0x1000n, end: 0x2000n, offset: 0n, inode: '08:01 5', path };
  return { process, read_unix_ms: 0, mappings: [mapping] };
}
