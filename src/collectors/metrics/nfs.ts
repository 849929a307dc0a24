/** Whether the servers of NFS mounts answer. */
import { join } from 'node:path';
import { parseNfsClient } from '../../procfs/nfs-client.ts';
import { readIfThere } from '../../procfs/source.ts';
import { type Collector, counter, defineMetric } from '../../sdk/index.ts';

/** A process in the host's network namespace: each has its own counts. */
const INIT = '1';

const collector: Collector = defineMetric({
  doc: 'Shows how many calls the NFS client has made, and how many it had to send again.',
  metrics: {
    rpcs: counter({
      name: 'huatuo_nfs_rpcs_total',
      help: 'Calls of the NFS client (kind call), those that were sent again for want of an answer (retransmission), and renewals of credentials (authentication_refresh).',
      labels: ['kind'],
    }),
  },
  update({ metrics, paths }) {
    const calls = parseNfsClient(readIfThere(join(paths.procfs, INIT, 'net/rpc/nfs')) ?? '');
    for (const [kind, count] of Object.entries(calls ?? {})) metrics.rpcs.set(count, { kind });
  },
});
export default collector;
