/**
 * tracefs has the numbers of the tracepoints that are attached as perf events (`tp/…`); libbpf reads them there. Others
 * (`tp_btf`, `raw_tp`) do without. systemd mounts it at boot, minimal hosts and containers may not have it.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { HuatuoError } from '../error.ts';
import { errnoName } from './libbpf.ts';
import { mount } from './libc.ts';

const TRACEFS = '/sys/kernel/tracing';
/** Where libbpf looks first. */
const DEBUGFS = '/sys/kernel/debug/tracing';
const NEEDS_TRACEFS = /^(?:tp|tracepoint)\//;

/**
 * Mounts tracefs if a program needs it and it is not there.
 * @param sections of the programs that are to be attached
 * @throws ATTACH_FAILED when it cannot be mounted
 */
export function prepareTracefs(sections: readonly string[]): void {
  if (!sections.some((section) => NEEDS_TRACEFS.test(section))) return;
  if ([TRACEFS, DEBUGFS].some((path) => existsSync(join(path, 'events')))) return;
  const errno = mount('tracefs', TRACEFS, 'mode=0700');
  if (errno === 0) return;
  throw new HuatuoError('ATTACH_FAILED', {
    expected: `tracefs at ${TRACEFS}`,
    found: `it is not mounted, and mounting it failed with ${errnoName(errno)}`,
    remedy: `mount it: mount -t tracefs tracefs ${TRACEFS}`,
  });
}
