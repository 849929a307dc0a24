// Generated from bpf/softlockup.bpf.c by `npm run build`: change the struct there.

import type { MapOf, ObjectBinding } from '../sdk/binding.ts';

/**
 * A CPU ought to switch to another task and does not.
 * Payload (`tracer_data`) of one document. The bytes on disk are exact; a number above 2^53 loses its last digits when
 * JSON is parsed.
 */
export interface SoftlockupEvent {
  /** cpu cgroup of the task that was on the CPU [inode of a cgroup directory] */
  cgroup_id: number;
  /** The same in all documents of one lock-up [hexadecimal, 0x…] */
  episode_id: string;
  /** For how long it has been seen like that [nanoseconds] */
  stuck_ns: number;
  /** The limit in force when the event was made [nanoseconds] */
  threshold_ns: number;
  /** begun: the threshold is reached; goes_on: told again at twice the time; over: the CPU has switched, or went back to user mode [name; the number when it has none] */
  phase: 'begun' | 'goes_on' | 'over' | number;
  /** sampler: by looking at the CPU; kernel_watchdog: the kernel itself, in its log [name; the number when it has none] */
  reported_by: 'sampler' | 'kernel_watchdog' | number;
  /** What the kernel's watchdog says, in seconds [identifier] */
  kernel_seconds?: number;
  /** The CPU [identifier] */
  cpu: number;
  /** Process that was on it [identifier] */
  pid: number;
  /** Its thread [identifier] */
  tid: number;
  /** Its name [text] */
  comm: string;
  /** Kernel stack, innermost first; of the kernel's report it begins with the interrupt that reports [symbol+offset, innermost first] */
  stack: string[];
  /** Its user stack: the system call it is in [symbol+offset, or file[build id]+offset with the file as long as some process runs it, innermost first] */
  user_stack: string[];
}

/** Value of the map `watches`. */
export interface SoftlockupWatchesValue {
  /** [count] */
  switches: number;
  /** [nanoseconds] */
  looked_ns: number;
  /** [nanoseconds] */
  stuck_ns: number;
  /** [count] */
  episode_id: number;
  /** [nanoseconds] */
  due_ns: number;
  /** [count] */
  is_counted: number;
  /** [inode of a cgroup directory] */
  cgroup_id: bigint;
  /** [count] */
  pid: number;
  /** [count] */
  tid: number;
  /** [text] */
  comm: string;
  /** [count] */
  documents: number;
  /** [count] */
  current: number;
}

/** Value of the map `cgroups`. */
export interface SoftlockupCgroupsValue {
  /** [count] */
  episodes: number;
}

/** What `ctx` of the collector `softlockup` knows of its object. */
export interface SoftlockupObject {
  event: SoftlockupEvent;
  options: {
    /** How often each CPU is looked at */
    samples_per_second: number;
    /** Lock-ups at least this long become events */
    threshold_ns: number;
    /** Events beyond this rate are counted as rate limited, not written, 0 is no limit */
    max_events_per_second_per_cpu: number;
  };
  maps: {
    watches: MapOf<number, SoftlockupWatchesValue>;
    container_cgroups: MapOf<bigint, boolean>;
    cgroups: MapOf<bigint, SoftlockupCgroupsValue>;
    cgroups_moved: MapOf<Uint8Array, Uint8Array>;
  };
}

export const softlockup: ObjectBinding<SoftlockupObject> = { object: 'softlockup' };
