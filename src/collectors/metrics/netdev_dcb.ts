/** Pause frames of priority flow control: a receiver that cannot keep up stops a priority of its sender, as in RDMA networks. */
import { isDeepStrictEqual } from 'node:util';
import { readPfc } from '../../netlink/dcb.ts';
import { isInHostNetwork } from '../../procfs/network.ts';
import { hardwareDevices } from '../../procfs/network-hardware.ts';
import { type Collector, counter, defineMetric, nameFilter } from '../../sdk/index.ts';
import { DEVICE_OPTIONS } from './network-devices.ts';

const LABELS = ['device', 'prio'] as const;
/** Most cards have no PFC, and do not get it while they run but by a change of their firmware's settings. */
const ASK_AGAIN_SECONDS = 600;

/** By device and driver: until when, in seconds of the monotonic clock, it need not be asked. */
type Without = Readonly<Record<string, number>>;

const collector: Collector = defineMetric({
  doc: 'Shows how often each priority of a network device was paused, or paused its peer (PFC, IEEE 802.1Qbb).',
  about: {
    question: 'How often is which priority of a network card paused, or pauses it its peer (PFC)?',
    reads: 'DCB netlink (DCB_CMD_IEEE_GET)',
    kernel: 'with CONFIG_DCB and a card whose driver answers; else there are no series',
    falsePositives:
      'Drivers may show 0 for a priority without PFC. A card that has none is asked again after ten minutes. Of more than 256 cards the first by name are asked',
  },
  options: DEVICE_OPTIONS,
  metrics: {
    pfc_send: counter({
      name: 'huatuo_bamai_netdev_dcb_pfc_send_total',
      help: 'Pause frames sent.',
      labels: LABELS,
    }),
    pfc_received: counter({
      name: 'huatuo_bamai_netdev_dcb_pfc_received_total',
      help: 'Pause frames received.',
      labels: LABELS,
    }),
  },
  async update({ log, metrics, netlink, options, paths, state }) {
    if (!isInHostNetwork(paths.procfs)) return;
    const now_seconds = Number(process.hrtime.bigint() / 1_000_000_000n);
    const before = state.get<Without>() ?? {};
    const without: Record<string, number> = {};
    for (const { device, driver } of hardwareDevices(paths.sysfs, nameFilter(options), log)) {
      const card = `${device} ${driver}`;
      const until_seconds = before[card] ?? 0;
      if (now_seconds < until_seconds) {
        without[card] = until_seconds;
        continue;
      }
      try {
        const pfc = await readPfc(netlink, device);
        if (!pfc) without[card] = now_seconds + ASK_AGAIN_SECONDS;
        for (const [prio, frames] of pfc?.sent.entries() ?? [])
          metrics.pfc_send.set(frames, { device, prio: String(prio) });
        for (const [prio, frames] of pfc?.received.entries() ?? [])
          metrics.pfc_received.set(frames, { device, prio: String(prio) });
      } catch (error) {
        log.warn('a network device does not tell of its flow control', { device, error });
      }
    }
    if (!isDeepStrictEqual(without, before)) state.set(without);
  },
});
export default collector;
