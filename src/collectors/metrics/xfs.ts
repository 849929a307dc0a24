/** What XFS has done in each file system. */
import { join } from 'node:path';
import { readEach } from '../../procfs/each-device.ts';
import { namesIn, readIfThere } from '../../procfs/source.ts';
import { parseXfsStats, XFS_LEVELS } from '../../procfs/xfs-stats.ts';
import { type Collector, counter, defineMetric, gauge } from '../../sdk/index.ts';

/** Beside one directory for each file system, there is one with the sums of all. */
const SUMS = 'stats';

const collector: Collector = defineMetric({
  doc: 'Shows what XFS has done in each file system of this type: allocations, look-ups, inodes, calls.',
  about: {
    question: 'What has XFS done in each file system: allocations, look-ups, inodes, calls, bytes?',
    reads: '/sys/fs/xfs',
    kernel: '4.4 with CONFIG_XFS_FS',
    falsePositives: 'None; the counters of a file system begin anew when it is mounted',
  },
  metrics: {
    count: counter({
      name: 'huatuo_xfs_{key}_total',
      help: 'Counter {key} of the file system.',
      labels: ['key', 'device'],
    }),
    level: gauge({
      name: 'huatuo_xfs_{key}',
      help: 'Number {key} of the file system.',
      labels: ['key', 'device'],
    }),
  },
  update({ metrics, paths, log }) {
    const root = join(paths.sysfs, 'fs/xfs');
    // None where XFS was never used, or is not built.
    const devices = namesIn(root).filter((name) => name !== SUMS);
    readEach(log, devices, (device) => {
      const text = readIfThere(join(root, device, 'stats/stats'));
      for (const [key, value] of parseXfsStats(text ?? ''))
        (XFS_LEVELS.has(key) ? metrics.level : metrics.count).set(value, { key, device });
    });
  },
});
export default collector;
