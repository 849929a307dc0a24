/** Hardware counters of RDMA ports (InfiniBand, RoCE, iWARP), by the names that their drivers give them. */
import { readRdmaCounters, readRdmaDevices } from '../../netlink/rdma.ts';
import { isInHostNetwork } from '../../procfs/network.ts';
import { type Collector, counter, defineMetric } from '../../sdk/index.ts';
import { namePart } from '../../sdk/name-labels.ts';

const MAX_PORTS = 64;

const collector: Collector = defineMetric({
  doc: 'Shows the hardware counters of RDMA devices: timeouts, retransmissions, congestion notifications.',
  about: {
    question: 'What do RDMA ports count in hardware: timeouts, retransmissions, congestion notifications?',
    reads: 'RDMA netlink (RDMA_NLDEV_CMD_STAT_GET)',
    kernel: '5.3 with CONFIG_INFINIBAND; else there are no series',
    falsePositives: 'Names and meaning are the driver’s. At most 64 ports',
  },
  metrics: {
    stat: counter({
      name: 'huatuo_bamai_netdev_rdma_link_{stat}',
      labels: ['stat', 'device', 'nodeguid', 'index', 'num_ports', 'port'],
      help: '{stat} of an RDMA port, as its driver counts it.',
    }),
  },
  async update({ log, metrics, netlink, paths }) {
    if (!isInHostNetwork(paths.procfs)) return;
    let left = MAX_PORTS;
    // Devices are asked for each time: they come and go.
    for (const device of (await readRdmaDevices(netlink)) ?? []) {
      for (let port = 1; port <= device.ports && left > 0; port++, left--) {
        const labels = {
          device: device.name,
          nodeguid: device.nodeGuid,
          index: String(device.index),
          num_ports: String(device.ports),
          port: String(port),
        };
        try {
          for (const { name, value } of (await readRdmaCounters(netlink, device.index, port)) ?? [])
            metrics.stat.set(value, { ...labels, stat: namePart(name) });
        } catch (error) {
          log.warn('an RDMA port cannot be read', { device: device.name, port, error });
        }
      }
    }
  },
});
export default collector;
