/** Whether the servers of NFS mounts answer. */
import { join } from 'node:path';
import { parseNfsClient } from '../../procfs/nfs-client.ts';
import { readIfThere } from '../../procfs/source.ts';
import { type Collector, counter, defineMetric } from '../../sdk/index.ts';

/** A process in the host's network namespace: each has its own counts. */
const INIT = '1';

const collector: Collector = defineMetric({
  doc: 'Shows how many calls the NFS client has made, and how many it had to send again.',
  about: {
    question: 'How many calls has the NFS client made, and how many had it to send again?',
    reads: '/proc/1/net/rpc/nfs',
    kernel: 'any with CONFIG_NFS_FS',
    falsePositives:
      'With TCP a call is sent again only when the connection was lost or the time-out (600 s) passed, so a server that hangs shows late. Counts of all mounts of the network namespace of the host',
  },
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
