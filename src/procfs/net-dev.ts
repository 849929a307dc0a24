/** /proc/<pid>/net/dev: dev_seq_printf_stats() in net/core/net-procfs.c. */
import { decimals } from './numbers.ts';

/** In the order of the columns, by the names of existing HuaTuo dashboards. */
export const NET_DEV_COLUMNS = [
  'receive_bytes',
  'receive_packets',
  'receive_errors',
  'receive_dropped',
  'receive_fifo',
  'receive_frame',
  'receive_compressed',
  'receive_multicast',
  'transmit_bytes',
  'transmit_packets',
  'transmit_errors',
  'transmit_dropped',
  'transmit_fifo',
  'transmit_colls',
  'transmit_carrier',
  'transmit_compressed',
] as const;

export type NetDevColumn = (typeof NET_DEV_COLUMNS)[number];
export type NetDevCounters = Readonly<Record<NetDevColumn, number>>;

const TITLE_LINES = 2;

/**
 * Lines of another shape are passed over; columns behind the known ones, too.
 * @param isWanted asked for each device before its numbers are read
 */
export function parseNetDev(
  text: string,
  isWanted: (device: string) => boolean = () => true,
): Map<string, NetDevCounters> {
  const devices = new Map<string, NetDevCounters>();
  for (const line of text.split('\n').slice(TITLE_LINES)) {
    // The kernel allows no colon and no space in a name (dev_valid_name()).
    const colon = line.indexOf(':');
    const device = line.slice(0, Math.max(colon, 0)).trimStart();
    if (device === '' || !isWanted(device)) continue;
    const values = decimals(line, colon + 1, line.length);
    if (!values || values.length < NET_DEV_COLUMNS.length) continue;
    devices.set(device, countersOf(values));
  }
  return devices;
}

function countersOf(values: readonly number[]): NetDevCounters {
  return Object.fromEntries(
    NET_DEV_COLUMNS.map((column, index) => [column, values[index] ?? 0]),
  ) as NetDevCounters;
}
