/** /proc/net/softnet_stat: softnet_seq_show() in net/core/net-procfs.c. A row of hexadecimal numbers for each CPU that is on line. */
import { hexadecimal, words } from './numbers.ts';

export interface SoftnetCpu {
  readonly cpu: number;
  readonly processed: number;
  readonly dropped: number;
  readonly timeSqueezed: number;
  readonly receivedRps: number;
  readonly flowLimited: number;
  /** Packets that wait for this CPU now. */
  readonly backlog: number;
}

/** Columns without a name have always been 0, or went. */
const PROCESSED = 0;
const DROPPED = 1;
const TIME_SQUEEZED = 2;
const RECEIVED_RPS = 9;
const FLOW_LIMITED = 10;
const BACKLOG = 11;
const CPU = 12;

/** Rows of kernels that do not say which CPU they are of are left out. */
export function parseSoftnet(text: string): SoftnetCpu[] {
  return text.split('\n').flatMap((line) => {
    const row = words(line).map(hexadecimal);
    const cpu = row[CPU];
    if (cpu === undefined) return [];
    const at = (column: number): number => row[column] ?? 0;
    return {
      cpu,
      processed: at(PROCESSED),
      dropped: at(DROPPED),
      timeSqueezed: at(TIME_SQUEEZED),
      receivedRps: at(RECEIVED_RPS),
      flowLimited: at(FLOW_LIMITED),
      backlog: at(BACKLOG),
    };
  });
}
