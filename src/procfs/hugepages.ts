/** Pools of huge pages: /sys/kernel/mm/hugepages/hugepages-<size>kB, Documentation/admin-guide/mm/hugetlbpage.rst. */
import { join } from 'node:path';
import { type DeviceLog, readEach } from './each-device.ts';
import { decimal, namesIn, readIfThere } from './source.ts';

/** In pages. */
export interface HugepagePool {
  readonly page_bytes: number;
  readonly allocated?: number;
  readonly free?: number;
  /** Promised to a mapping and not taken yet; part of free. */
  readonly reserved?: number;
  /** Beyond what was set, given back when they are free again; part of allocated. */
  readonly surplus?: number;
}

const FILES = {
  allocated: 'nr_hugepages',
  free: 'free_hugepages',
  reserved: 'resv_hugepages',
  surplus: 'surplus_hugepages',
} as const;

/** @returns one for each size; none on a kernel without CONFIG_HUGETLB_PAGE */
export function readHugepages(sysfs: string, log: DeviceLog): HugepagePool[] {
  const root = join(sysfs, 'kernel/mm/hugepages');
  return readEach(log, namesIn(root), (name): HugepagePool | undefined => {
    const kib = decimal(/^hugepages-(\d+)kB$/.exec(name)?.[1]);
    if (kib === undefined) return undefined;
    const counts = Object.entries(FILES).flatMap(([state, file]) => {
      const pages = decimal(readIfThere(join(root, name, file))?.trimEnd());
      return pages === undefined ? [] : [[state, pages]];
    });
    return { page_bytes: kib * 1024, ...Object.fromEntries(counts) };
  });
}
