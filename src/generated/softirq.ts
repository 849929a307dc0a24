// Generated from bpf/softirq.bpf.c by `npm run build`: change the struct there.

import type { MapOf, ObjectBinding } from '../sdk/binding.ts';

/**
 * A softirq waited longer than the threshold before it was served.
 * Payload (`tracer_data`) of one document. The bytes on disk are exact; a number above 2^53 loses its last digits when
 * JSON is parsed.
 */
export interface SoftirqEvent {
  /** From the first raise to the entry of its handler [nanoseconds] */
  latency_ns: number;
  /** The limit in force when the event was made [nanoseconds] */
  threshold_ns: number;
  /** cpu cgroup of the interrupted task [inode of a cgroup directory] */
  cgroup_id: number;
  /** Which softirq [name; the number when it has none] */
  vector:
    | 'HI'
    | 'TIMER'
    | 'NET_TX'
    | 'NET_RX'
    | 'BLOCK'
    | 'IRQ_POLL'
    | 'TASKLET'
    | 'SCHED'
    | 'HRTIMER'
    | 'RCU'
    | number;
  /** CPU that raised and served it [identifier] */
  cpu: number;
  /** Process that was interrupted [identifier] */
  pid: number;
  /** Thread that was interrupted [identifier] */
  tid: number;
  /** Name of the interrupted thread [text] */
  comm: string;
  /** Kernel stack at the entry, innermost first [symbol+offset, innermost first] */
  stack: string[];
}

/** Value of the map `latency`. */
export interface SoftirqLatencyValue {
  /** [count] */
  slots: number[];
  /** [count] */
  sum: number;
}

/** Key of the map `network_zones`. */
export interface SoftirqNetworkZonesKey {
  /** [name; the number when it has none] */
  type:
    | 'HI'
    | 'TIMER'
    | 'NET_TX'
    | 'NET_RX'
    | 'BLOCK'
    | 'IRQ_POLL'
    | 'TASKLET'
    | 'SCHED'
    | 'HRTIMER'
    | 'RCU'
    | number;
  /** [identifier] */
  zone: number;
}

/** What `ctx` of the collector `softirq` knows of its object. */
export interface SoftirqObject {
  event: SoftirqEvent;
  options: {
    /** Waits at least this long become events */
    threshold_ns: number;
    /** Events beyond this rate are counted as rate limited, not written */
    max_events_per_second_per_cpu: number;
  };
  maps: {
    latency: MapOf<
      | 'HI'
      | 'TIMER'
      | 'NET_TX'
      | 'NET_RX'
      | 'BLOCK'
      | 'IRQ_POLL'
      | 'TASKLET'
      | 'SCHED'
      | 'HRTIMER'
      | 'RCU'
      | number,
      SoftirqLatencyValue
    >;
    network_zones: MapOf<SoftirqNetworkZonesKey, number>;
    raised_at_ns: MapOf<number, number>;
  };
}

export const softirq: ObjectBinding<SoftirqObject> = { object: 'softirq' };
