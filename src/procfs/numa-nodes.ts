/** Memory of each NUMA node: /sys/devices/system/node/node<n>, drivers/base/node.c, Documentation/admin-guide/numastat.rst. */
import { join } from 'node:path';
import { type DeviceLog, readEach } from './each-device.ts';
import { parseMeminfo } from './meminfo.ts';
import { parseFlatKeyed } from './memory-cgroup.ts';
import { namesIn, readIfThere } from './source.ts';

export interface NumaNode {
  readonly node: string;
  /** Allocations in pages, by the names of numastat. */
  readonly allocations: Readonly<Record<string, number>>;
  /** Rows of its meminfo in bytes, by the kernel's names. */
  readonly meminfo: Readonly<Record<string, number>>;
}

/** @returns all nodes; none on a kernel without CONFIG_NUMA */
export function readNumaNodes(sysfs: string, log: DeviceLog): NumaNode[] {
  const root = join(sysfs, 'devices/system/node');
  return readEach(log, namesIn(root), (name): NumaNode | undefined => {
    const node = /^node(\d+)$/.exec(name)?.[1];
    if (node === undefined) return undefined;
    const allocations = parseFlatKeyed(readIfThere(join(root, name, 'numastat')) ?? '');
    const meminfo = parseNodeMeminfo(readIfThere(join(root, name, 'meminfo')) ?? '');
    return { node, allocations, meminfo };
  });
}

/** As /proc/meminfo, with `Node 0 ` in front of each line. */
export function parseNodeMeminfo(text: string): Record<string, number> {
  return parseMeminfo(text.replaceAll(/^Node \d+ /gm, ''));
}
