/**
 * The kernel's network configuration, asked and listened to. Messages are bytes here; src/netlink reads them. The main thread has the
 * sockets, in the network namespace that the agent runs in.
 */

/**
 * What any collector may ask. The kernel answers when its own lock over network devices is free (rtnl_mutex), which some drivers
 * hold for seconds. Tasks on the pool take turns, so for them each call ends with DEADLINE_EXCEEDED after 3 s, and with OVERLOADED
 * when too many wait.
 */
export interface NetlinkRequests {
  /**
   * Sends one request and reads its answer to the end; the kernel's refusal is part of the answer.
   * @param protocol NETLINK_* of include/uapi/linux/netlink.h
   * @returns its datagrams, at most 16 MiB
   * @throws SYSCALL_FAILED, KERNEL_FEATURE_MISSING when the kernel has no such protocol
   */
  request(protocol: number, message: Uint8Array): Promise<readonly Uint8Array[]>;
  /** The driver of a network device, undefined for one that is gone or does not say. */
  driverOf(device: string): Promise<DeviceDriver | undefined>;
  /** What the driver of a device counts, by names of its own (`ethtool -S`); undefined for one that is gone or counts nothing. */
  driverCounters(device: string): Promise<readonly DriverCounter[] | undefined>;
}

/** For a collector with a thread of its own. */
export interface Netlink extends NetlinkRequests {
  /** Listens to multicast groups, from now on. @throws SYSCALL_FAILED */
  subscribe(protocol: number, groups: readonly number[]): Promise<NetlinkSubscription>;
}

/** What waits to be read is in the kernel's buffer, which is bounded: what does not fit is lost, and `next` says so. */
export interface NetlinkSubscription extends AsyncDisposable {
  /** The next notifications; undefined when the collector is being stopped. */
  next(): Promise<NetlinkNotifications | undefined>;
}

export interface NetlinkNotifications {
  readonly datagrams: readonly Uint8Array[];
  /** Some were lost, and those that waited with them are left out: ask for the whole. */
  readonly lost: boolean;
}

/** As `ethtool -i` shows it; empty where the driver says nothing. */
export interface DeviceDriver {
  readonly driver: string;
  readonly version: string;
  readonly firmwareVersion: string;
  /** Where it is, such as a PCI address. */
  readonly bus: string;
}

export interface DriverCounter {
  /** As the driver spells it, such as `rx_queue_0_drops`; the kernel promises nothing about it. */
  readonly name: string;
  readonly value: number;
}
