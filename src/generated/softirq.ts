// Generated from bpf/softirq.bpf.c by `npm run build`: change the struct there.

import type { MapOf, ObjectBinding } from '../sdk/binding.ts';

/**
 * A softirq waited longer than the threshold before it was served, or its handler ran for longer.
 * Payload (`tracer_data`) of one document. The bytes on disk are exact; a number above 2^53 loses its last digits when
 * JSON is parsed.
 */
export interface SoftirqEvent {
  /** For how long its handler ran [nanoseconds] */
  run_ns: number;
  /** The limit of runs in force when the event was made [nanoseconds] */
  run_threshold_ns: number;
  /** From the first raise to the entry of its handler, where that was seen [nanoseconds] */
  latency_ns?: number;
  /** The limit of waits in force when the event was made [nanoseconds] */
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
  /** Kernel stack from which it was served, innermost first [symbol+offset, innermost first] */
  stack: string[];
}

/** Value of the map `vectors`. */
export interface SoftirqVectorsValue {
  /** [nanoseconds] */
  raised_at_ns: number;
  /** [nanoseconds] */
  entered_at_ns: number;
  /** [nanoseconds] */
  waited_ns: number;
  /** [count] */
  served: number;
  waits: {
    /** [count] */
    slots: number[];
    /** [count] */
    sum: number;
  };
  runs: {
    /** [count] */
    slots: number[];
    /** [count] */
    sum: number;
  };
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
    /** Runs of handlers at least this long become events */
    run_threshold_ns: number;
    /** Events beyond this rate are counted as rate limited, not written, 0 is no limit */
    max_events_per_second_per_cpu: number;
  };
  maps: {
    vectors: MapOf<
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
      SoftirqVectorsValue
    >;
    network_zones: MapOf<SoftirqNetworkZonesKey, number>;
  };
}

export const softirq: ObjectBinding<SoftirqObject> = { object: 'softirq' };
