// Generated from bpf/runqlat.bpf.c by `npm run build`: change the struct there.

import type { MapOf, ObjectBinding } from '../sdk/binding.ts';

/** Value of the map `host`. */
export interface RunqlatHostValue {
  runnable: {
    /** [count] */
    slots: number[];
    /** [count] */
    sum: number;
  };
  blocked: {
    /** [count] */
    slots: number[];
    /** [count] */
    sum: number;
  };
  asleep: {
    /** [count] */
    slots: number[];
    /** [count] */
    sum: number;
  };
  /** [count] */
  zones: number[];
}

/** Value of the map `cgroups`. */
export interface RunqlatCgroupsValue {
  runnable: {
    /** [count] */
    slots: number[];
    /** [count] */
    sum: number;
  };
  blocked: {
    /** [count] */
    slots: number[];
    /** [count] */
    sum: number;
  };
  asleep: {
    /** [count] */
    slots: number[];
    /** [count] */
    sum: number;
  };
  /** [count] */
  zones: number[];
}

/** What `ctx` of the collector `runqlat` knows of its object. */
export interface RunqlatObject {
  event: never;
  options: object;
  maps: {
    container_cgroups: MapOf<bigint, boolean>;
    host: MapOf<number, RunqlatHostValue>;
    cgroups: MapOf<bigint, RunqlatCgroupsValue>;
    cgroups_moved: MapOf<Uint8Array, Uint8Array>;
  };
}

export const runqlat: ObjectBinding<RunqlatObject> = { object: 'runqlat' };
