// Generated from bpf/iolatency.bpf.c by `npm run build`: change the struct there.

import type { MapOf, ObjectBinding } from '../sdk/binding.ts';

/** Key of the map `cgroup_disks`. */
export interface IolatencyCgroupDisksKey {
  /** [inode of a cgroup directory] */
  cgroup: bigint;
  /** [identifier] */
  number: number;
}

/** Key of the map `disks`. */
export interface IolatencyDisksKey {
  /** [block device] */
  device: number;
  /** [name; the number when it has none] */
  operation:
    | 'READ'
    | 'WRITE'
    | 'FLUSH'
    | 'DISCARD'
    | 'SECURE_ERASE'
    | 'WRITE_ZEROES'
    | 'PASSTHROUGH_IN'
    | 'PASSTHROUGH_OUT'
    | number;
}

/** Value of the map `disks`. */
export interface IolatencyDisksValue {
  q2c: {
    /** [count] */
    slots: number[];
    /** [count] */
    sum: number;
  };
  d2c: {
    /** [count] */
    slots: number[];
    /** [count] */
    sum: number;
  };
}

/** Key of the map `flushes`. */
export interface IolatencyFlushesKey {
  /** [block device] */
  device: number;
}

/** Value of the map `flushes`. */
export interface IolatencyFlushesValue {
  /** [count] */
  slots: number[];
  /** [count] */
  sum: number;
}

/** Key of the map `containers`. */
export interface IolatencyContainersKey {
  /** [inode of a cgroup directory] */
  cgroup: bigint;
  /** [block device] */
  device: number;
}

/** Value of the map `containers`. */
export interface IolatencyContainersValue {
  q2c: {
    /** [count] */
    slots: number[];
    /** [count] */
    sum: number;
  };
  d2c: {
    /** [count] */
    slots: number[];
    /** [count] */
    sum: number;
  };
}

/** Key of the map `q2c_zones`. */
export interface IolatencyQ2cZonesKey {
  /** [identifier] */
  disk: number;
  /** [identifier] */
  zone: number;
}

/** Key of the map `d2c_zones`. */
export interface IolatencyD2cZonesKey {
  /** [identifier] */
  disk: number;
  /** [identifier] */
  zone: number;
}

/** Key of the map `container_q2c_zones`. */
export interface IolatencyContainerQ2cZonesKey {
  /** [inode of a cgroup directory] */
  cgroup: bigint;
  /** [identifier] */
  disk: number;
  /** [identifier] */
  zone: number;
}

/** Key of the map `container_d2c_zones`. */
export interface IolatencyContainerD2cZonesKey {
  /** [inode of a cgroup directory] */
  cgroup: bigint;
  /** [identifier] */
  disk: number;
  /** [identifier] */
  zone: number;
}

/** Value of the map `queued_bios`. */
export interface IolatencyQueuedBiosValue {
  /** [nanoseconds] */
  time_ns: number;
  /** [block device] */
  device: number;
}

/** What `ctx` of the collector `iolatency` knows of its object. */
export interface IolatencyObject {
  event: never;
  options: object;
  maps: {
    cgroup_disks: MapOf<IolatencyCgroupDisksKey, number>;
    container_cgroups: MapOf<bigint, boolean>;
    disks: MapOf<IolatencyDisksKey, IolatencyDisksValue>;
    flushes: MapOf<IolatencyFlushesKey, IolatencyFlushesValue>;
    containers: MapOf<IolatencyContainersKey, IolatencyContainersValue>;
    containers_moved: MapOf<Uint8Array, Uint8Array>;
    q2c_zones: MapOf<IolatencyQ2cZonesKey, number>;
    d2c_zones: MapOf<IolatencyD2cZonesKey, number>;
    container_q2c_zones: MapOf<IolatencyContainerQ2cZonesKey, number>;
    container_d2c_zones: MapOf<IolatencyContainerD2cZonesKey, number>;
    container_q2c_zones_moved: MapOf<Uint8Array, Uint8Array>;
    container_d2c_zones_moved: MapOf<Uint8Array, Uint8Array>;
    issued: MapOf<bigint, number>;
    queued_bios: MapOf<bigint, IolatencyQueuedBiosValue>;
  };
}

export const iolatency: ObjectBinding<IolatencyObject> = { object: 'iolatency' };
