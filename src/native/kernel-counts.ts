/** The kernel's half of a ring's ledger (src/kernel/ledger.ts), read by system call: a per-CPU map cannot be mapped. */
import { HuatuoError } from '../error.ts';
import { errnoName, libbpf } from './libbpf.ts';

/** Summed over all CPUs. */
export interface KernelCounts {
  readonly produced: bigint;
  readonly dropped_ring_full: bigint;
  readonly rate_limited: bigint;
}

const WORDS = 3;

/** Reads the map `ledger` of a loaded object. @throws SYSCALL_FAILED */
export function readKernelCounts(ledgerFd: number): KernelCounts {
  const api = libbpf();
  const values = new BigUint64Array(WORDS * api.libbpf_num_possible_cpus());
  const result = api.bpf_map_lookup_elem(ledgerFd, new Uint8Array(4), new Uint8Array(values.buffer));
  if (result < 0) {
    throw new HuatuoError('SYSCALL_FAILED', {
      found: `the ledger could not be read (${errnoName(result)})`,
      remedy: 'the collector is restarted; if it comes back, report it',
    });
  }
  const sums = [0n, 0n, 0n];
  for (const [index, value] of values.entries()) sums[index % WORDS]! += value;
  return { produced: sums[0]!, dropped_ring_full: sums[1]!, rate_limited: sums[2]! };
}
