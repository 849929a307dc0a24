/** Whether this kernel can have bonds, and what its bonding driver writes about one. */
import { existsSync, readFileSync } from 'node:fs';
import { release } from 'node:os';
import { join } from 'node:path';
import { HuatuoError } from '../../error.ts';
import type { HostPaths } from '../../sdk/index.ts';

/** Of /proc/net/bonding/NAME: some hundred bytes for each port. */
const MAX_CONTENT = 64 << 10;

/**
 * @returns undefined where there are bonds or may be some later: the driver is there, or might be loaded
 */
export function lackOfBonding({ procfs, sysfs }: HostPaths): HuatuoError | undefined {
  if (existsSync(join(sysfs, 'class/net/bonding_masters')) || existsSync(join(sysfs, 'module/bonding')))
    return undefined;
  // A kernel without modules has no such file: what is not built in does not come.
  if (existsSync(join(procfs, 'modules'))) return undefined;
  return new HuatuoError('KERNEL_FEATURE_MISSING', {
    expected: 'a kernel with the bonding driver',
    found: `Linux ${release()} without it, and without modules`,
    remedy: 'disable the collector, or use a kernel built with CONFIG_BONDING',
  });
}

/** The state of a bond as its driver describes it; undefined for one that is gone. */
export function bondContent({ procfs }: HostPaths, bond: string): string | undefined {
  try {
    return readFileSync(join(procfs, 'net/bonding', bond), 'utf8').slice(0, MAX_CONTENT);
  } catch {
    return undefined;
  }
}
