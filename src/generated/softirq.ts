// Generated from bpf/softirq.bpf.c by `npm run build`: change the struct there.

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
  zones: number[];
  /** [count] */
  slots: number[];
  /** [nanoseconds] */
  sum_ns: number;
}
