/**
 * The kernel's network configuration, asked and listened to. Messages are bytes here; src/netlink reads them. The main thread has the
 * sockets, in the network namespace that the agent runs in.
 */

export interface Netlink {
  /**
   * Sends one request and reads its answer to the end; the kernel's refusal is part of the answer. Waits for as long as the
   * kernel's own lock over network devices is held (rtnl_mutex), which some drivers do for seconds.
   * @param protocol NETLINK_* of include/uapi/linux/netlink.h
   * @returns its datagrams, at most 16 MiB
   * @throws SYSCALL_FAILED
   */
  request(protocol: number, message: Uint8Array): Promise<readonly Uint8Array[]>;
  /** Listens to multicast groups, from now on. @throws SYSCALL_FAILED */
  subscribe(protocol: number, groups: readonly number[]): Promise<NetlinkSubscription>;
  /** The driver of a network device, undefined for one that is gone or does not say. */
  driverOf(device: string): Promise<DeviceDriver | undefined>;
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
