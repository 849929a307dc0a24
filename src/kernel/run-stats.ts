/** Whether the kernel measures each run of each BPF program, which costs two readings of the clock for a run. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { HuatuoError } from '../error.ts';
import { errnoName, libbpf } from './libbpf.ts';
import { closeFd } from './libc.ts';

/** BPF_STATS_RUN_TIME of linux/bpf.h. */
const RUN_TIME = 0;

/**
 * Has it measure until disposed of, or until this process ends. Linux 5.8.
 * @throws SYSCALL_FAILED
 */
export function enableRunStats(): Disposable {
  const fd = libbpf().bpf_enable_stats(RUN_TIME);
  if (fd >= 0) return { [Symbol.dispose]: () => closeFd(fd) };
  throw new HuatuoError('SYSCALL_FAILED', {
    expected: 'a kernel that measures BPF programs (Linux 5.8)',
    found: errnoName(fd),
    remedy: 'set bpf.stats to false, or run the agent with CAP_SYS_ADMIN',
  });
}

/** Whether it does so for all of the host, by the sysctl kernel.bpf_stats_enabled. */
export function areRunsMeasured(procfs: string): boolean {
  try {
    return readFileSync(join(procfs, 'sys/kernel/bpf_stats_enabled'), 'latin1').trim() === '1';
  } catch {
    return false;
  }
}
