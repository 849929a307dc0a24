// Generated from bpf/memory_reclaim_events.bpf.c by `npm run build`: change the struct there.

import type { MapOf, ObjectBinding } from '../sdk/binding.ts';

/**
 * A task waited long for memory to be reclaimed before it got what it asked for.
 * Payload (`tracer_data`) of one document. The bytes on disk are exact; a number above 2^53 loses its last digits when
 * JSON is parsed.
 */
export interface MemoryReclaimEventsEvent {
  /** How long the task was held up [nanoseconds] */
  reclaim_duration_ns: number;
  /** The limit in force when the event was made [nanoseconds] */
  threshold_ns: number;
  /** Memory cgroup of the task [inode of a cgroup directory] */
  cgroup_id: number;
  /** The cgroup at its limit, whose pages were taken: the task's or a parent. Left out when the host ran out, or when the reclaim was asked for from outside [inode of a cgroup directory] */
  reclaimed_cgroup_id?: number;
  /** Container of that cgroup; absent on the host */
  container_id?: string;
  /** Its host name; absent on the host */
  container_hostname?: string;
  /** Unit of that cgroup; absent on the host */
  systemd_unit?: string;
  /** Unit of the user's own systemd, in user@<uid>.service; absent on the host */
  systemd_user_unit?: string;
  /** Its path, where it is no container; absent on the host */
  cgroup_path?: string;
  /** Memory charged to it at the beginning [bytes] */
  reclaimed_cgroup_usage_bytes?: number;
  /** The limit that was hit [bytes] */
  reclaimed_cgroup_limit_bytes?: number;
  /** Pages that were looked at on the inactive lists [count] */
  scanned_pages: number;
  /** Pages that were freed, of slabs too [count] */
  reclaimed_pages: number;
  /** direct: 2^order pages in one piece were asked for; memcg: 0 [identifier] */
  order: number;
  /** What had run out: direct is the host, memcg a memory cgroup [name; the number when it has none] */
  kind: 'direct' | 'memcg' | number;
  /** Process that was held up [identifier] */
  pid: number;
  /** Thread that was held up [identifier] */
  tid: number;
  /** Name of the thread [text] */
  comm: string;
  /** Kernel stack at the end of the reclaim, innermost first [symbol+offset, innermost first] */
  stack: string[];
}

/** Value of the map `stalls`. */
export interface MemoryReclaimEventsStallsValue {
  /** [count] */
  slots: number[];
  /** [count] */
  sum: number;
}

/** Value of the map `cgroups`. */
export interface MemoryReclaimEventsCgroupsValue {
  /** [count] */
  stalls_total: number;
  /** [nanoseconds] */
  stalled_ns: number;
  /** [count] */
  stalled_time: number;
  /** [count] */
  own_limit_stalls: number;
  /** [count] */
  own_limit_time: number;
}

/** What `ctx` of the collector `memory_reclaim_events` knows of its object. */
export interface MemoryReclaimEventsObject {
  event: MemoryReclaimEventsEvent;
  options: {
    /** Reclaims that take at least this long become events */
    threshold_ns: number;
    /** Events beyond this rate are counted as rate limited, not written, 0 is no limit */
    max_events_per_second_per_cpu: number;
  };
  maps: {
    container_cgroups: MapOf<bigint, boolean>;
    stalls: MapOf<'direct' | 'memcg' | number, MemoryReclaimEventsStallsValue>;
    cgroups: MapOf<bigint, MemoryReclaimEventsCgroupsValue>;
    cgroups_moved: MapOf<Uint8Array, Uint8Array>;
    reclaims: MapOf<number, Uint8Array>;
  };
}

export const memoryReclaimEvents: ObjectBinding<MemoryReclaimEventsObject> = {
  object: 'memory_reclaim_events',
};
