/** Which objects of the kernel take memory: how a leak in the kernel shows. */
import { join } from 'node:path';
import { pageSize } from '../../procfs/page-size.ts';
import { parseSlabinfo } from '../../procfs/slabinfo.ts';
import { readSource } from '../../procfs/source.ts';
import { type Collector, defineMetric, gauge, size } from '../../sdk/index.ts';

const labels = ['cache'] as const;

const collector: Collector = defineMetric({
  doc: 'Shows which objects of the kernel take memory.',
  about: {
    question: 'Which objects of the kernel take memory, and how many of them are in use?',
    reads: '/proc/slabinfo',
    kernel: 'any',
    falsePositives:
      'Caches of inodes and directory entries grow until the memory is needed for something else. Caches of objects of one size are merged, so a name may stand for others, too (slab_nomerge)',
  },
  // The kernel walks lists of each cache with interrupts off, and older ones walk them to the end.
  enabledByDefault: false,
  options: { min_size: size('1MiB', 'Caches below this size are not shown') },
  metrics: {
    memory: gauge({ name: 'huatuo_memory_slab_bytes', help: 'Memory of the cache, in use or not.', labels }),
    objects: gauge({
      name: 'huatuo_memory_slab_objects',
      help: 'Objects the cache has room for.',
      labels,
    }),
    active: gauge({
      name: 'huatuo_memory_slab_active_objects',
      help: 'Objects of the cache that are in use.',
      labels,
    }),
  },
  update({ metrics, options, paths }) {
    const page_bytes = pageSize(paths.procfs);
    for (const cache of parseSlabinfo(readSource(join(paths.procfs, 'slabinfo')))) {
      const bytes = cache.pages * page_bytes;
      if (bytes < options.min_size) continue;
      const own = { cache: cache.name };
      metrics.memory.set(bytes, own);
      metrics.objects.set(cache.objects, own);
      metrics.active.set(cache.active_objects, own);
    }
  },
});
export default collector;
