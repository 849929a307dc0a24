/** Whether this kernel can have bonds, and what its bonding driver writes about one. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { HostNeed, HostPaths } from '../../sdk/index.ts';

/** Of /proc/net/bonding/NAME: some hundred bytes for each port. */
const MAX_CHARACTERS = 64 << 10;

/** There are bonds, or may be some later: the driver is there, or might be loaded. A kernel without modules has no such file. */
export const BONDING: HostNeed = {
  what: 'the bonding driver',
  anyOf: ['sysfs:class/net/bonding_masters', 'sysfs:module/bonding', 'procfs:modules'],
  remedy: 'disable the collector, or use a kernel built with CONFIG_BONDING',
};

/** The state of a bond as its driver describes it; undefined for one that is gone. */
export function bondContent({ procfs }: HostPaths, bond: string): string | undefined {
  try {
    return readFileSync(join(procfs, 'net/bonding', bond), 'utf8').slice(0, MAX_CHARACTERS);
  } catch {
    return undefined;
  }
}
