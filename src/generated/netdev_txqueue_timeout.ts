// Generated from bpf/netdev_txqueue_timeout.bpf.c by `npm run build`: change the struct there.

import type { ObjectBinding } from '../sdk/binding.ts';

/**
 * A network device has not sent what is in a queue for too long.
 * Payload (`tracer_data`) of one document. The bytes on disk are exact; a number above 2^53 loses its last digits when
 * JSON is parsed.
 */
export interface NetdevTxqueueTimeoutEvent {
  /** The queue, of those for sending [identifier] */
  queue_index: number;
  /** Interface index of the device [identifier] */
  index: number;
  /** Network namespace of the device: its name, its container, or its inode [network namespace] */
  net_namespace: string;
  /** Name of the device [text] */
  device_name: string;
  /** Driver of the hardware; a virtual device has none [text] */
  driver_name?: string;
}

/** What `ctx` of the collector `netdev_txqueue_timeout` knows of its object. */
export interface NetdevTxqueueTimeoutObject {
  event: NetdevTxqueueTimeoutEvent;
  options: {
    /** Events beyond this rate are counted as rate limited, not written, 0 is no limit; the counter has them all */
    max_events_per_second_per_cpu: number;
  };
  maps: object;
}

export const netdevTxqueueTimeout: ObjectBinding<NetdevTxqueueTimeoutObject> = {
  object: 'netdev_txqueue_timeout',
};
