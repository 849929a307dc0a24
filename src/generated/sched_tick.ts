// Generated from bpf/sched_tick.bpf.c by `npm run build`: change the struct there.

import type { MapOf, ObjectBinding } from '../sdk/binding.ts';

/**
 * A CPU took no interrupts, or did not switch to another task, for longer than the threshold.
 * Payload (`tracer_data`) of one document. The bytes on disk are exact; a number above 2^53 loses its last digits when
 * JSON is parsed.
 */
export interface SchedTickEvent {
  /** interrupts: from when the tick was due until it came; scheduling: from the first to the last tick at which the CPU ought to have switched; without what the hypervisor took [nanoseconds] */
  held_off_ns: number;
  /** cpu cgroup of the task that was on the CPU, when its code has held off what came [inode of a cgroup directory] */
  cgroup_id?: number;
  /** The limit in force when the event was made [nanoseconds] */
  threshold_ns: number;
  /** What the hypervisor took meanwhile [nanoseconds] */
  stolen_ns: number;
  /** How long the handler took [nanoseconds] */
  handler_ns?: number;
  /** Handler or callback that took longest, when these have held it off [symbol+offset] */
  handler?: string;
  /** What was held off [name; the number when it has none] */
  kind: 'interrupts' | 'scheduling' | number;
  /** code: what the stack shows; else the handler [name; the number when it has none] */
  held_by: 'code' | 'interrupt_handler' | 'timer_callback' | number;
  /** Number of the interrupt that was handled, as in /proc/interrupts [identifier] */
  irq?: number;
  /** The CPU [identifier] */
  cpu: number;
  /** Process that was on it [identifier] */
  pid: number;
  /** Its thread [identifier] */
  tid: number;
  /** Whose interrupt it is, as in /proc/interrupts [text] */
  irq_name?: string;
  /** Name of the thread [text] */
  comm: string;
  /** Kernel stack, innermost first. It begins with the tick's own interrupt; below is what it has interrupted [symbol+offset, innermost first] */
  stack: string[];
  /** Its user stack: the system call it is in [symbol+offset, or file[build id]+offset with the file as long as some process runs it, innermost first] */
  user_stack: string[];
}

/** Value of the map `tick_delays`. */
export interface SchedTickTickDelaysValue {
  /** [count] */
  slots: number[];
  /** [count] */
  sum: number;
}

/** Value of the map `holds`. */
export interface SchedTickHoldsValue {
  /** [count] */
  slots: number[];
  /** [count] */
  sum: number;
}

/** Value of the map `cgroups`. */
export interface SchedTickCgroupsValue {
  /** [count] */
  interrupts: number;
  /** [count] */
  scheduling: number;
}

/** Value of the map `watches`. */
export interface SchedTickWatchesValue {
  /** [count] */
  timer: number;
  /** [count] */
  function: number;
  /** [nanoseconds] */
  started_ns: number;
  /** [nanoseconds] */
  irq_started_ns: number;
  /** [nanoseconds] */
  run_started_ns: number;
  /** [nanoseconds] */
  run_ended_ns: number;
  /** [nanoseconds] */
  longest_ns: number;
  /** [count] */
  longest_function: number;
  /** [count] */
  longest_irq: number;
  /** [name; the number when it has none] */
  longest_kind: 'code' | 'interrupt_handler' | 'timer_callback' | number;
  /** [text] */
  longest_name: string;
  /** [nanoseconds] */
  late_ns: number;
  /** [nanoseconds] */
  stolen_ns: number;
  /** [nanoseconds] */
  asked_ns: number;
  /** [count] */
  asked_switches: number;
  /** [nanoseconds] */
  asked_stolen_ns: number;
  /** [nanoseconds] */
  held_ns: number;
  /** [nanoseconds] */
  held_stolen_ns: number;
  /** [count] */
  asked_tid: number;
  /** [count] */
  is_described: number;
}

/** Value of the map `held`. */
export interface SchedTickHeldValue {
  /** interrupts: when they were let in again; scheduling: when the end was seen [nanoseconds of the boot clock] */
  time: bigint;
  /** interrupts: from when the tick was due until it came; scheduling: from the first to the last tick at which the CPU ought to have switched; without what the hypervisor took [nanoseconds] */
  held_off_ns: number;
  /** cpu cgroup of the task that was on the CPU, when its code has held off what came [inode of a cgroup directory] */
  cgroup_id: bigint;
  /** The limit in force when the event was made [nanoseconds] */
  threshold_ns: number;
  /** What the hypervisor took meanwhile [nanoseconds] */
  stolen_ns: number;
  /** How long the handler took [nanoseconds] */
  handler_ns: number;
  /** Handler or callback that took longest, when these have held it off [symbol+offset] */
  handler: string;
  /** What was held off [name; the number when it has none] */
  kind: 'interrupts' | 'scheduling' | number;
  /** code: what the stack shows; else the handler [name; the number when it has none] */
  held_by: 'code' | 'interrupt_handler' | 'timer_callback' | number;
  /** Number of the interrupt that was handled, as in /proc/interrupts [identifier] */
  irq: number;
  /** The CPU [identifier] */
  cpu: number;
  /** Process that was on it [identifier] */
  pid: number;
  /** Its thread [identifier] */
  tid: number;
  /** Whose interrupt it is, as in /proc/interrupts [text] */
  irq_name: string;
  /** Name of the thread [text] */
  comm: string;
  /** Kernel stack, innermost first. It begins with the tick's own interrupt; below is what it has interrupted [addresses, innermost first] */
  stack: string[];
  /** Its user stack: the system call it is in [build id+offset, or address, innermost first] */
  user_stack: string[];
}

/** What `ctx` of the collector `sched_tick` knows of its object. */
export interface SchedTickObject {
  event: SchedTickEvent;
  options: {
    /** Times without interrupts at least this long become events */
    threshold_ns: number;
    /** Times at least this long in which a CPU ought to switch and does not become events */
    scheduling_threshold_ns: number;
    /** Events beyond this rate are counted as rate limited, not written, 0 is no limit */
    max_events_per_second_per_cpu: number;
  };
  maps: {
    container_cgroups: MapOf<bigint, boolean>;
    gaps: MapOf<'interrupts' | 'scheduling' | number, number>;
    tick_delays: MapOf<number, SchedTickTickDelaysValue>;
    holds: MapOf<number, SchedTickHoldsValue>;
    cgroups: MapOf<bigint, SchedTickCgroupsValue>;
    cgroups_moved: MapOf<Uint8Array, Uint8Array>;
    watches: MapOf<number, SchedTickWatchesValue>;
    held: MapOf<number, SchedTickHeldValue>;
  };
}

export const schedTick: ObjectBinding<SchedTickObject> = { object: 'sched_tick' };
