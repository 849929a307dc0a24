/**
 * Which keys of /proc/vmstat and of memory.stat are counters, and which are levels: the files do not say. Sources: the enums
 * of include/linux/vm_event_item.h and mmzone.h, vmstat_text in mm/vmstat.c, memory_stats in mm/memcontrol.c,
 * memcg1_stats in mm/memcontrol-v1.c. Keys that a kernel adds follow the same rules.
 */

/** node_stat_item has these between levels; they only rise. */
const RISING_NR: ReadonlySet<string> = new Set([
  'nr_dirtied',
  'nr_written',
  'nr_throttled_written',
  'nr_vmscan_write',
  'nr_vmscan_immediate_reclaim',
  'nr_foll_pin_acquired',
  'nr_foll_pin_released',
  'nr_tlb_remote_flush',
  'nr_tlb_remote_flush_received',
  'nr_tlb_local_flush_all',
  'nr_tlb_local_flush_one',
]);

/** Of /proc/vmstat: what is counted in pages that are there is called `nr_…`, all others are events. */
export function isVmstatCounter(key: string): boolean {
  return key.startsWith('nr_') ? RISING_NR.has(key) : key !== 'workingset_nodes';
}

/** Of memory.stat: events have the names they have in /proc/vmstat, all others are bytes. */
export function isMemoryStatCounter(key: string): boolean {
  return /^(?:pg|workingset_|thp_|numa_|zswp|swp)/.test(key);
}
