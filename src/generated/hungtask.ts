// Generated from bpf/hungtask.bpf.c by `npm run build`: change the struct there.

import type { MapOf, ObjectBinding } from '../sdk/binding.ts';

/**
 * A task has been in uninterruptible sleep for longer than kernel.hung_task_timeout_secs, or where that is 0 than the threshold, or waited uninterruptibly while another one did.
 * Payload (`tracer_data`) of one document. The bytes on disk are exact; a number above 2^53 loses its last digits when
 * JSON is parsed.
 */
export interface HungtaskEvent {
  /** cpu cgroup of the task [inode of a cgroup directory] */
  cgroup_id: number;
  /** The same in the document of a hang and in those of the tasks that waited at that moment [hexadecimal, 0x…] */
  snapshot_id?: string;
  /** Time since the first report of this hang; the task waits for hung_task_timeout_secs, or the threshold, longer [nanoseconds] */
  reported_for_ns?: number;
  /** agent: for how long it has been seen waiting, without having run [nanoseconds] */
  waited_ns?: number;
  /** Lock it waits for, where the kernel notes that; the same for all its waiters [hexadecimal, 0x…] */
  lock_addr?: string;
  /** hung: it was reported; waiting: it was in uninterruptible sleep when another one was reported [name; the number when it has none] */
  role: 'hung' | 'waiting' | number;
  /** Of one that is hung, who has reported it: the kernel, or the agent where the kernel does not look [name; the number when it has none] */
  detected_by?: 'not_hung' | 'kernel' | 'agent' | number;
  /** Kind of that lock [name; the number when it has none] */
  lock_kind?: 'no_lock' | 'mutex' | 'semaphore' | 'rwsem_reader' | 'rwsem_writer' | number;
  /** Thread that holds it; absent when readers do, or it is not known [identifier] */
  lock_holder_tid?: number;
  /** Its name [text] */
  lock_holder_comm?: string;
  /** Process [identifier] */
  pid: number;
  /** Thread that waits [identifier] */
  tid: number;
  /** Reports of this hang, this one included [count] */
  reports?: number;
  /** Its name [text] */
  comm: string;
  /** Whether it counts as waiting for I/O [true or false] */
  in_iowait: boolean;
  /** Its kernel stack, innermost first [symbol+offset, innermost first] */
  stack: string[];
}

/** Value of the map `seen_waits`. */
export interface HungtaskSeenWaitsValue {
  /** [count] */
  switches: number;
  /** [nanoseconds] */
  seen_ns: number;
  /** [nanoseconds] */
  reported_ns: number;
}

/** Value of the map `cgroups`. */
export interface HungtaskCgroupsValue {
  /** [count] */
  reports: number;
}

/** Value of the map `hangs`. */
export interface HungtaskHangsValue {
  /** [count] */
  switches: number;
  /** [nanoseconds] */
  first_ns: number;
  /** [nanoseconds] */
  next_ns: number;
  /** [count] */
  reports: number;
  /** [count] */
  documents: number;
}

/** What `ctx` of the collector `hungtask` knows of its object. */
export interface HungtaskObject {
  event: HungtaskEvent;
  options: {
    /** Hung tasks beyond this rate are counted as rate limited, not written, 0 is no limit */
    max_events_per_second_per_cpu: number;
    /** How long a task waits before the agent reports it, where the kernel does not look for hung tasks */
    threshold_ns: number;
    /** Documents of tasks that wait while another one hangs; the rest is counted */
    max_waiting_tasks: number;
  };
  maps: {
    seen_waits: MapOf<number, HungtaskSeenWaitsValue>;
    container_cgroups: MapOf<bigint, boolean>;
    cgroups: MapOf<bigint, HungtaskCgroupsValue>;
    cgroups_moved: MapOf<Uint8Array, Uint8Array>;
    hangs: MapOf<number, HungtaskHangsValue>;
  };
}

export const hungtask: ObjectBinding<HungtaskObject> = { object: 'hungtask' };
