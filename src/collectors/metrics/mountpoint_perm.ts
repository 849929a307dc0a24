/** Whether the host can write to the file systems it must be able to write to. */
import { isReadOnly, readHostMounts } from '../../procfs/host-mounts.ts';
import { type Collector, defineMetric, gauge, nameFilter, pattern } from '../../sdk/index.ts';

const collector: Collector = defineMetric({
  doc: 'Shows which file systems of the host are read-only, also those that became it by an error.',
  about: {
    question: 'Which file systems of the host are read-only, also by an error of the disk?',
    reads: '/proc/self/mountinfo; that of init where the agent has mounts of its own',
    kernel: 'any; shutdown and emergency_ro of ext4 from 6.15',
    falsePositives:
      'Many are meant to be, so only /, /boot and /home are shown unless options say more. An XFS that was shut down by an error does not say so',
  },
  options: {
    include: pattern('/|/boot|/home', 'Mount points to show; empty for all'),
    exclude: pattern('', 'Mount points to leave out; empty for none'),
  },
  metrics: {
    ro: gauge({
      help: '1 if nothing can be written there, because of the mount or of what is mounted; else 0.',
      labels: ['mountpoint'],
    }),
  },
  update({ metrics, options, paths }) {
    const isShown = nameFilter(options);
    for (const mount of readHostMounts(paths.procfs))
      if (isShown(mount.mountPoint))
        metrics.ro.set(isReadOnly(mount) ? 1 : 0, { mountpoint: mount.mountPoint });
  },
});
export default collector;
