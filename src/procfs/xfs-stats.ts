/**
 * Counters of an XFS file system: /sys/fs/xfs/<device>/stats/stats, fs/xfs/xfs_stats.c; what they mean:
 * https://xfs.org/index.php/Runtime_Stats. Names are node_exporter's.
 */
import { decimal } from './source.ts';

/** By the word a line begins with, the names of its numbers in order. Of other lines and numbers, little can be concluded. */
const FIELDS: Readonly<Record<string, readonly string[]>> = {
  extent_alloc: [
    'extent_allocation_extents_allocated',
    'extent_allocation_blocks_allocated',
    'extent_allocation_extents_freed',
    'extent_allocation_blocks_freed',
  ],
  abt: [
    'allocation_btree_lookups',
    'allocation_btree_compares',
    'allocation_btree_records_inserted',
    'allocation_btree_records_deleted',
  ],
  blk_map: [
    'block_mapping_reads',
    'block_mapping_writes',
    'block_mapping_unmaps',
    'block_mapping_extent_list_insertions',
    'block_mapping_extent_list_deletions',
    'block_mapping_extent_list_lookups',
    'block_mapping_extent_list_compares',
  ],
  bmbt: [
    'block_map_btree_lookups',
    'block_map_btree_compares',
    'block_map_btree_records_inserted',
    'block_map_btree_records_deleted',
  ],
  dir: [
    'directory_operation_lookup',
    'directory_operation_create',
    'directory_operation_remove',
    'directory_operation_getdents',
  ],
  ig: [
    'inode_operation_attempts',
    'inode_operation_found',
    'inode_operation_recycled',
    'inode_operation_missed',
    'inode_operation_duplicates',
    'inode_operation_reclaims',
    'inode_operation_attribute_changes',
  ],
  rw: ['write_calls', 'read_calls'],
  vnodes: [
    'vnode_active',
    'vnode_allocate',
    'vnode_get',
    'vnode_hold',
    'vnode_release',
    'vnode_reclaim',
    'vnode_remove',
  ],
  xpc: ['flushed_bytes', 'written_bytes', 'read_bytes'],
};

/** Of these numbers, the ones that also fall. */
export const XFS_LEVELS: ReadonlySet<string> = new Set(['vnode_active']);

/** @returns values by name; lines and numbers of later kernels are skipped */
export function parseXfsStats(text: string): Map<string, number> {
  const stats = new Map<string, number>();
  for (const line of text.split('\n')) {
    const [word = '', ...numbers] = line.split(' ');
    const names = Object.hasOwn(FIELDS, word) ? FIELDS[word] : undefined;
    for (const [index, name] of names?.entries() ?? []) {
      const value = decimal(numbers[index]);
      if (value !== undefined) stats.set(name, value);
    }
  }
  return stats;
}
