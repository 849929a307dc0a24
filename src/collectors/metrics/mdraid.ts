/** Whether software RAIDs are whole. */
import { readMdArrays } from '../../procfs/mdraid.ts';
import { type Collector, defineMetric, gauge } from '../../sdk/index.ts';

const collector: Collector = defineMetric({
  doc: 'Shows which software RAIDs lack members, and how far a rebuild is.',
  about: {
    question: 'Which software RAIDs lack members, and how far is a rebuild?',
    reads: '/sys/block/md*/md',
    kernel: 'any with CONFIG_BLK_DEV_MD',
    falsePositives:
      'The monthly check of Debian-like hosts is an action, too. A level without redundancy has neither action nor missing members',
  },
  metrics: {
    state: gauge({
      name: 'huatuo_mdraid_state',
      help: '1 for the state the array is in.',
      labels: ['device', 'state'],
    }),
    action: gauge({
      name: 'huatuo_mdraid_sync_action',
      help: '1 for what is done to the members at the moment: idle, resync, recover, check.',
      labels: ['device', 'action'],
    }),
    completed: gauge({
      name: 'huatuo_mdraid_sync_completed_ratio',
      help: 'Part of that which is done, 0 to 1.',
      labels: ['device'],
    }),
    required: gauge({
      name: 'huatuo_mdraid_disks_required',
      help: 'Members the array has when it is whole.',
      labels: ['device'],
    }),
    degraded: gauge({
      name: 'huatuo_mdraid_disks_missing',
      help: 'Members that are missing or not rebuilt yet.',
      labels: ['device'],
    }),
    members: gauge({
      name: 'huatuo_mdraid_disks',
      help: 'Members by state: in_sync, faulty, spare.',
      labels: ['device', 'state'],
    }),
    mismatched_sectors: gauge({
      name: 'huatuo_mdraid_mismatched_sectors',
      help: 'Sectors of the members that differed in the last check or repair.',
      labels: ['device'],
    }),
  },
  update({ metrics, paths, log }) {
    for (const { device, state, action, members, ...numbers } of readMdArrays(paths.sysfs, log)) {
      metrics.state.set(1, { device, state });
      if (action !== undefined) metrics.action.set(1, { device, action });
      for (const [memberState, count] of members) metrics.members.set(count, { device, state: memberState });
      for (const key of ['completed', 'required', 'degraded', 'mismatched_sectors'] as const) {
        const number = numbers[key];
        if (number !== undefined) metrics[key].set(number, { device });
      }
    }
  },
});
export default collector;
